//! Debian's kernel for virtual machines, unpacked beside our other files and not installed: `/boot` stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The package that always depends on the newest one.
const META: &str = "linux-image-cloud-amd64";

/// An unpacked kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// What QEMU boots.
    pub(crate) image: PathBuf,
    /// `lib/modules/VERSION`.
    pub(crate) modules: PathBuf,
}

/// Downloads and unpacks the kernel into `directory`, unless that was done before.
pub(crate) fn prepare(directory: &Path) -> Result<Kernel> {
    let unpacked = directory.join("kernel");
    if let Ok(kernel) = find(&unpacked) {
        return Ok(kernel);
    }
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let package = newest()?;
    eprintln!("downloading {package} (it is unpacked below target/, not installed)");
    run(Command::new("apt-get").args(["download", &package]).current_dir(directory))
        .with_context(|| format!("apt-get download {package}\nhint: run apt-get update first"))?;
    let archive = fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{package}_"))))
        .context("apt-get downloaded nothing")?;
    run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&unpacked))?;
    fs::remove_file(&archive)?;
    find(&unpacked)
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

/// `linux-image-6.1.0-…-cloud-amd64`.
fn newest() -> Result<String> {
    let output = Command::new("apt-cache")
        .args(["depends", META])
        .output()
        .context("run apt-cache\nhint: the guest's kernel comes from Debian's or Ubuntu's package lists")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.trim().strip_prefix("Depends: ")) {
        Some(package) => Ok(package.trim().into()),
        None => bail!("apt-cache knows no package {META}\nhint: apt-get update"),
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {}", command.get_program().to_string_lossy()))?;
    if status.success() { Ok(()) } else { bail!("{} failed: {status}", command.get_program().to_string_lossy()) }
}
