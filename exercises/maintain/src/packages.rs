//! The Debian packages that the workbook needs: by name, and what for. The only list of them.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use workbook::machine::is_root;

use Purpose::{Bench, Test, Try};

/// Who needs a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `cargo wb try`: build and run.
    Try,
    /// `cargo wb test`: everything that is tested.
    Test,
    /// `cargo wb bench`: the peers.
    Bench,
}

/// A package, what we use it for, and who does.
#[derive(Debug)]
struct Package {
    name: &'static str,
    what: &'static str,
    needed_by: &'static [Purpose],
    /// Any of these does as well, wherever it comes from. Nothing: it must be the package.
    programs: &'static [&'static str],
}

const fn package(name: &'static str, what: &'static str, needed_by: &'static [Purpose]) -> Package {
    Package { name, what, needed_by, programs: &[] }
}

const PACKAGES: [Package; 26] = [
    Package { programs: &["cc"], ..package("gcc", "links programs", &[Try, Test, Bench]) },
    package("libc6-dev", "links programs, and the static C library", &[Try, Test, Bench]),
    package("busybox-static", "the first image", &[Try, Test, Bench]),
    package("binutils", "strips test programs for the guest", &[Test]),
    Package { programs: &["git"], ..package("git", "compares exercises", &[Test]) },
    package("libseccomp-dev", "the filter that ours is compared with", &[Test]),
    package("linux-libc-dev", "system call numbers to compare with", &[Test]),
    package("golang-github-containers-common", "a real seccomp profile", &[Test]),
    package("qemu-system-x86", "the guest with cgroup v2", &[Test]),
    package("debootstrap", "images of Debian", &[Test]),
    package("e2fsprogs", "a disk for the guest", &[Test]),
    package("xz-utils", "unpacks the guest's kernel modules", &[Test]),
    package("zstd", "unpacks the guest's kernel modules", &[Test]),
    package("bzip2", "packs archives for the tests", &[Test]),
    Package { programs: &BROWSERS, ..package("chromium", "looks at the book", &[Test]) },
    Package { programs: &["crun"], ..package("crun", "an OCI runtime to compare with", &[Test, Bench]) },
    Package { programs: &["runc"], ..package("runc", "docker's runtime, and a peer", &[Test, Bench]) },
    Package {
        programs: &["podman"],
        ..package("podman", "an engine that runs with our runtime, and a peer", &[Test, Bench])
    },
    Package {
        programs: &["docker-registry"],
        ..package("docker-registry", "a registry to pull from and push to", &[Test, Bench])
    },
    Package { programs: &["curl"], ..package("curl", "asks that registry, in the book", &[Test]) },
    Package { programs: &["openssl"], ..package("openssl", "certifies its tokens there", &[Test]) },
    Package { programs: &["skopeo"], ..package("skopeo", "another that copies images", &[Test, Bench]) },
    Package { programs: &["umoci"], ..package("umoci", "another that unpacks them", &[Test, Bench]) },
    Package { programs: &["ctr"], ..package("containerd", "another that does", &[Test]) },
    Package {
        programs: &["dockerd"],
        ..package("docker.io", "the engine whose answers ours are compared with", &[Test, Bench])
    },
    // A package of its own since Debian 13; before, part of docker.io.
    Package { programs: &["docker"], ..package("docker-cli", "that engine's command line", &[Test, Bench]) },
];

/// Programs that can look at a page.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

impl Package {
    fn is_installed(&self) -> bool {
        if self.programs.iter().any(|program| on_path(program)) {
            return true;
        }
        let output =
            Command::new("dpkg-query").args(["-W", "-f", "${Status}", self.name]).stderr(Stdio::null()).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout) == "install ok installed")
    }
}

fn wanted(purpose: Purpose) -> impl Iterator<Item = &'static Package> {
    PACKAGES.iter().filter(move |package| package.needed_by.contains(&purpose))
}

/// Whether there is such a program.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The first browser that is there.
pub(crate) fn browser() -> Option<&'static str> {
    BROWSERS.into_iter().find(|program| on_path(program))
}

fn missing(purpose: Purpose) -> Vec<&'static Package> {
    wanted(purpose).filter(|package| !package.is_installed()).collect()
}

/// Installs what is missing, on Debian and its relatives; elsewhere, says what is needed. Prints the names first. Without
/// root, says what to type.
pub(crate) fn install(purpose: Purpose) -> Result<()> {
    let wanted = missing(purpose);
    if wanted.is_empty() {
        return Ok(());
    }
    if !on_path("apt-get") {
        eprint!("{}", by_hand(&system(), &wanted));
        return Ok(());
    }
    println!("installing packages of {}:\n{}", system(), describe(&wanted));
    let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
    if !is_root() {
        bail!("installing packages needs root\nhint: type: {}", sudo(&names));
    }
    apt(&["update", "-q"])?;
    // Not every release has every package under every name.
    let known: Vec<&str> = names.into_iter().filter(|name| is_known(name)).collect();
    if !known.is_empty() {
        apt(&[&["install", "-y", "-q", "--no-install-recommends"], &known[..]].concat())?;
    }
    eprint!("{}", without(&system(), &missing(purpose)));
    Ok(())
}

/// What this is, in its own words (`os-release(5)`).
fn system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "this system".into(), |name| name.trim_matches('"').to_owned())
}

/// For a machine without apt.
fn by_hand(system: &str, missing: &[&Package]) -> String {
    format!(
        "{system} has no apt-get, so nothing is installed here. What follows are Debian's names; what is still missing when \
         its turn comes is named, and its tests are skipped:\n{}",
        describe(missing)
    )
}

/// For a machine whose apt lacks something.
fn without(system: &str, missing: &[&Package]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!(
        "{system} has no package of these names, which are Debian's. What needs them is skipped by name:\n{}",
        describe(missing)
    )
}

fn sudo(names: &[&str]) -> String {
    format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {}", names.join(" "))
}

/// Whether apt could install it.
fn is_known(name: &str) -> bool {
    let output = Command::new("apt-cache").args(["policy", name]).output();
    output.is_ok_and(|output| is_candidate(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads `apt-cache policy`: a package without a candidate is only a name.
fn is_candidate(policy: &str) -> bool {
    policy.lines().any(|line| line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)"))
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
fn describe(packages: &[&Package]) -> String {
    packages.iter().fold(String::new(), |mut text, package| {
        let _ = writeln!(text, "  {:<34} {}", package.name, package.what);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_says_what_it_is_for() {
        let of = |name: &str, purpose| format!("{name}:\n{}", describe(&wanted(purpose).collect::<Vec<_>>()));
        let text = [of("try", Try), of("test", Test), of("bench", Bench)].concat();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn other_systems_get_a_clear_word() {
        let two: Vec<&Package> = PACKAGES.iter().filter(|one| ["runc", "docker-cli"].contains(&one.name)).collect();
        insta::assert_snapshot!([by_hand("Fedora Linux 44", &two), without("Ubuntu 26.04", &two)].join("\n"));
        assert_eq!(without("Debian GNU/Linux 13 (trixie)", &[]), "");
    }

    #[test]
    fn a_package_without_a_candidate_is_not_known() {
        assert!(is_candidate("crun:\n  Installed: (none)\n  Candidate: 1.8.1-1\n"));
        assert!(!is_candidate("chromium:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!is_candidate(""));
    }

    #[test]
    fn what_to_type_without_root_is_one_line() {
        insta::assert_snapshot!(
            sudo(&["gcc", "libc6-dev"]),
            @"sudo apt-get update && sudo apt-get install -y --no-install-recommends gcc libc6-dev"
        );
    }
}
