//! Debian's kernel for virtual machines, unpacked beside our other files and not installed: `/boot` stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Packages that depend on the newest kernel for virtual machines: Debian's, Ubuntu's.
const NEWEST: [&str; 2] = ["linux-image-cloud-amd64", "linux-image-virtual"];

/// Where it is, in our directory.
const UNPACKED: &str = "kernel";

/// An unpacked kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// What QEMU boots.
    pub(crate) image: PathBuf,
    /// `lib/modules/VERSION`.
    pub(crate) modules: PathBuf,
}

/// Whether it was unpacked before.
pub(crate) fn is_there(directory: &Path) -> bool {
    find(&directory.join(UNPACKED)).is_ok()
}

/// Downloads and unpacks the kernel into `directory`, unless that was done before.
pub(crate) fn prepare(directory: &Path) -> Result<Kernel> {
    let unpacked = directory.join(UNPACKED);
    if let Ok(kernel) = find(&unpacked) {
        return Ok(kernel);
    }
    // In a directory of its own, and renamed when it is whole: an interrupted run leaves nothing that looks like a kernel.
    let scratch = directory.join("kernel.partial");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;
    let packages = match newest() {
        Ok(packages) => packages,
        // Where apt has never been asked, it knows no packages.
        Err(_) => run(Command::new("apt-get").args(["update", "-q"])).and_then(|()| newest())?,
    };
    eprintln!("downloading {} (unpacked below target/, not installed)", packages.join(" "));
    download(&packages, &scratch)?;
    for archive in fs::read_dir(&scratch)?.flatten().map(|entry| entry.path()) {
        if archive.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("-x").args([&archive, &scratch]))?;
            fs::remove_file(&archive)?;
        }
    }
    let _ = fs::remove_dir_all(&unpacked);
    fs::rename(&scratch, &unpacked).with_context(|| format!("rename {}", scratch.display()))?;
    find(&unpacked)
}

/// With lists of packages from last week, apt asks for files that are no longer there.
fn download(packages: &[String], directory: &Path) -> Result<()> {
    let download = || run(Command::new("apt-get").args(["download", "-q"]).args(packages).current_dir(directory));
    if download().is_ok() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["update", "-q"]))
        .and_then(|()| download())
        .with_context(|| format!("download {}", packages.join(" ")))
}

fn find(unpacked: &Path) -> Result<Kernel> {
    let first = |directory: &Path, prefix: &str| -> Result<PathBuf> {
        fs::read_dir(directory)
            .with_context(|| format!("read {}", directory.display()))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
            .with_context(|| format!("nothing named {prefix}… in {}", directory.display()))
    };
    let modules = [unpacked.join("lib/modules"), unpacked.join("usr/lib/modules")];
    let modules = modules.into_iter().find(|path| path.is_dir()).context("the package has no modules")?;
    Ok(Kernel { image: first(&unpacked.join("boot"), "vmlinuz")?, modules: first(&modules, "")? })
}

/// The package `linux-image-6.1.0-…-cloud-amd64`, and that with its modules where they are apart.
fn newest() -> Result<Vec<String>> {
    for package in NEWEST {
        let Some(image) = depends(package)?.into_iter().find(|name| name.starts_with("linux-image-")) else { continue };
        let modules = depends(&image)?.into_iter().filter(|name| name.starts_with("linux-modules-"));
        return Ok([image.clone()].into_iter().chain(modules).collect());
    }
    bail!("apt knows none of the packages {}\nhint: apt-get update", NEWEST.join(", "))
}

fn depends(package: &str) -> Result<Vec<String>> {
    let output = Command::new("apt-cache").args(["depends", package]).output();
    let output =
        output.context("run apt-cache\nhint: the guest's kernel comes from Debian's or Ubuntu's package lists")?;
    Ok(dependencies(&String::from_utf8_lossy(&output.stdout)))
}

/// The lines `  Depends: NAME` and ` |Depends: NAME`.
fn dependencies(text: &str) -> Vec<String> {
    let name = |line: &str| Some(line.trim().trim_start_matches('|').strip_prefix("Depends: ")?.trim().to_owned());
    text.lines().filter_map(name).collect()
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {}", command.get_program().to_string_lossy()))?;
    if status.success() { Ok(()) } else { bail!("{} failed: {status}", command.get_program().to_string_lossy()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_apt() {
        let text =
            "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n |Depends: kmod\n  Suggests: x\n";
        assert_eq!(dependencies(text), ["linux-image-6.1.0-56-cloud-amd64", "kmod"]);
    }
}
