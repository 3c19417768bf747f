//! Prints, as JSON, what docker gives a container: a `config.json` for the OCI runtimes that mini-runc is compared with, and
//! the same as a list of mounts, devices and masks for a program that does nothing else.
//!
//! Not a benchmark, but what the comparison of `cargo wb bench` hands to everyone. It is here because the chapters have these
//! defaults, and the maintainers' tools do not depend on the chapters.

use std::error::Error;
use std::fmt::Write as _;

use cgroups::{Layout, cgroup_mounts};
use rootfs::Device;
use runtime::spec::{Mount, Spec};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let output = json!({ "config": Spec::docker_default(), "plan": plan(&Layout::detect()?)? });
    println!("{output}");
    Ok(())
}

/// One line each, words with tabs between them: what, and with what.
fn plan(layout: &Layout) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let Spec { mounts, linux, .. } = Spec::docker_default();
    // A runtime knows what it means to mount the control groups. Here it is one mount for each hierarchy.
    let expanded = mounts.into_iter().flat_map(|mount| match mount.kind.as_str() {
        "cgroup" => cgroup_mounts(layout, &mount.destination, true),
        _ => vec![mount],
    });
    for Mount { destination, kind, source, options, .. } in expanded {
        let source = source.unwrap_or_default();
        writeln!(text, "mount\t{kind}\t{}\t{}\t{}", source.display(), destination.display(), options.join(","))?;
    }
    for Device { path, major, minor, .. } in Device::defaults() {
        writeln!(text, "device\t{}\t{major}\t{minor}", path.display())?;
    }
    for (name, target) in rootfs::DEVICE_LINKS {
        writeln!(text, "link\t{target}\t/dev/{name}")?;
    }
    for path in linux.masked_paths {
        writeln!(text, "hide\t{}", path.display())?;
    }
    for path in linux.readonly_paths {
        writeln!(text, "readonly\t{}", path.display())?;
    }
    Ok(text)
}
