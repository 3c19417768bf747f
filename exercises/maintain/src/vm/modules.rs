//! Kernel modules: found by name, unpacked, and put in the order in which they can be loaded.
//!
//! `modprobe` reads that order from a file which is made when a kernel is installed. Ours is not installed; so we ask the
//! modules themselves, each of which names those that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What is loaded in the guest, where it is no part of the kernel itself.
const WANTED: [&str; 16] = [
    "virtio_pci",
    "virtio_blk",
    "ext4",
    "overlay",
    "loop",
    "veth",
    "bridge",
    "br_netfilter",
    "macvlan",
    "dummy",
    "nf_tables",
    "nft_chain_nat",
    "nft_nat",
    "nft_masq",
    "nft_redir",
    "nft_ct",
];

/// A module, ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

/// The wanted modules and those that they need, each after what it needs.
pub(crate) fn collect(directory: &Path) -> Result<Vec<Module>> {
    let mut paths = BTreeMap::new();
    index(directory, &mut paths)?;
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for name in WANTED {
        add(name, &paths, &mut seen, &mut found)?;
    }
    Ok(found)
}

fn add(
    name: &str,
    paths: &BTreeMap<String, PathBuf>,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<Module>,
) -> Result<()> {
    // What has no file is part of the kernel.
    let Some(path) = paths.get(name).filter(|_| seen.insert(name.into())) else { return Ok(()) };
    let content = read(path)?;
    for other in needs(&content) {
        add(&other, paths, seen, found)?;
    }
    found.push(Module { name: name.into(), content });
    Ok(())
}

/// Every module below a directory. A file may be called `nf-tables.ko.xz`; the kernel calls that `nf_tables`.
fn index(directory: &Path, paths: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            index(&path, paths)?;
        } else if let Some((name, _)) = name.split_once(".ko") {
            paths.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

/// A module's content, unpacked if it is packed: busybox does not know all formats.
fn read(path: &Path) -> Result<Vec<u8>> {
    let unpacker = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return fs::read(path).with_context(|| format!("read {}", path.display())),
    };
    let output = Command::new(unpacker).arg("-dc").arg(path).output();
    let output = output.with_context(|| format!("run {unpacker}\nhint: apt-get install xz-utils zstd"))?;
    if !output.status.success() {
        bail!("{unpacker} -dc {} failed: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

/// What a module says in its section `.modinfo`: texts with a zero byte after each, one of them `depends=a,b`.
fn needs(content: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = content.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let list = content[start + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let list = String::from_utf8_lossy(list);
    list.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_what_it_needs_and_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let module = |name: &str, needs: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, format!("ELF\0license=GPL\0depends={needs}\0name=x\0")).expect("a file");
        };
        module("net/bridge.ko", "stp,llc");
        module("net/br_netfilter.ko", "bridge");
        module("net/stp.ko", "llc");
        module("net/llc.ko", "");
        module("net/nft-nat.ko", "");
        module("net/unwanted.ko", "");
        let names: Vec<String> =
            collect(directory.path()).expect("modules").into_iter().map(|module| module.name).collect();
        assert_eq!(names, ["llc", "stp", "bridge", "br_netfilter", "nft_nat"]);
    }
}
