//! The Debian packages that the workbook needs: by name, and what for. The only list of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Who needs a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// `cargo wb try`: build and run.
    Try,
    /// `cargo wb test`: everything that is tested.
    Test,
    /// `cargo wb bench`: the peers.
    Bench,
}

/// Name, who needs it, and what for.
const PACKAGES: [(&str, Purpose, &str); 16] = [
    ("gcc", Purpose::Try, "links programs"),
    ("libc6-dev", Purpose::Try, "links programs, and the static C library"),
    ("busybox-static", Purpose::Try, "the first image"),
    ("binutils", Purpose::Test, "strips test programs for the guest"),
    ("libseccomp-dev", Purpose::Test, "the filter that ours is compared with"),
    ("linux-libc-dev", Purpose::Test, "system call numbers to compare with"),
    ("golang-github-containers-common", Purpose::Test, "a real seccomp profile"),
    ("qemu-system-x86", Purpose::Test, "the guest with cgroup v2"),
    ("debootstrap", Purpose::Test, "images of Debian"),
    ("crun", Purpose::Test, "an OCI runtime to compare with"),
    ("chromium", Purpose::Test, "looks at the book"),
    ("git", Purpose::Test, "gives out the workbook"),
    ("xz-utils", Purpose::Test, "unpacks packages"),
    ("runc", Purpose::Bench, "a peer"),
    ("podman", Purpose::Bench, "a peer"),
    ("docker.io", Purpose::Bench, "a peer"),
];

/// What is wanted, and is not there.
fn missing(purpose: Purpose) -> Vec<&'static str> {
    PACKAGES.iter().filter(|(name, whose, _)| *whose <= purpose && !installed(name)).map(|(name, ..)| *name).collect()
}

fn installed(name: &str) -> bool {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Status}", name]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout) == "install ok installed")
}

/// Installs what is missing; prints the names first. Without root, says what to type.
pub(crate) fn install(purpose: Purpose) -> Result<()> {
    if Command::new("dpkg-query").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("This is no Debian or Ubuntu. Please see to it that you have:\n{}", describe(purpose));
        return Ok(());
    }
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages: {}", missing.join(" "));
    if !is_root() {
        bail!(
            "installing packages needs root\nhint: type: sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
            missing.join(" ")
        );
    }
    apt(&["update", "-q"])?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments)
}

fn apt(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("run apt-get")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("apt-get {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
}

/// One line for each package.
fn describe(purpose: Purpose) -> String {
    PACKAGES.iter().filter(|(_, whose, _)| *whose <= purpose).fold(String::new(), |mut text, (name, _, what)| {
        let _ = writeln!(text, "  {name:<34} {what}");
        text
    })
}

/// Whether we are root, by the file that says so.
pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
    })
}

/// The version that the book is written for.
const MDBOOK: &str = "0.5.4";

/// mdBook: the one on `PATH` if it is of the right line, else one of our own below `target/tools`.
pub(crate) fn mdbook(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target/tools");
    let own = tools.join("bin/mdbook");
    for candidate in [PathBuf::from("mdbook"), own.clone()] {
        let output = Command::new(&candidate).arg("--version").output();
        if output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(" v0.5.")) {
            return Ok(candidate);
        }
    }
    println!("installing mdbook {MDBOOK} into {}", tools.display());
    let status = Command::new("cargo")
        .args(["install", "mdbook", "--version", MDBOOK, "--locked", "--quiet", "--root"])
        .arg(&tools)
        .status()
        .context("run cargo install mdbook")?;
    if status.success() { Ok(own) } else { bail!("cargo install mdbook failed: {status}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_says_what_it_is_for() {
        insta::assert_snapshot!(describe(Purpose::Bench));
    }
}
