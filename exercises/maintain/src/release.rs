//! The release binaries: static, so that they run on any Linux and start without a loader.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Whatever `CARGO_TARGET_DIR` says: another checkout may build there, too, and its programs have the same names.
const TARGET: &str = "target";

/// Builds the programs named, of `mini-docker` and `mini-runc`, and says in which directory they are. Optimising the whole
/// of a program takes most of a minute: so nothing is built that is not asked for.
pub(crate) fn build(root: &Path, programs: &[&str]) -> Result<PathBuf> {
    let target = host()?;
    // The flag must not reach procedural macros, which are shared libraries: with --target it does not.
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    let status = Command::new("cargo")
        .args(["build", "--release", "--package", "mini-docker", "--target", &target])
        .arg("--target-dir")
        .arg(root.join(TARGET))
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .env(flags, flags_for(&target))
        .current_dir(root)
        .status()
        .context("run cargo build")?;
    if !status.success() {
        bail!("mini-docker does not build");
    }
    Ok(root.join(TARGET).join(target).join("release"))
}

/// Without a loader, and at a fixed address: a program that may lie anywhere has to mend some 7,700 pointers of its own each
/// time it starts, and it starts twice for each container. The first time it need not get far: `own_binary/entry.rs`.
fn flags_for(target: &str) -> String {
    let entry = if target.starts_with("x86_64") { " -C link-arg=-Wl,-e,mini_docker_entry" } else { "" };
    format!("-C target-feature=+crt-static -C relocation-model=static{entry}")
}

/// Builds an example with the profile `dev` or `release`, and says where it is.
pub(crate) fn build_example(root: &Path, package: &str, name: &str, profile: &str) -> Result<PathBuf> {
    let target = root.join(TARGET);
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", package, "--example", name, "--profile", profile, "--target-dir"]);
    cargo.arg(&target).current_dir(root);
    if !cargo.status().context("run cargo build")?.success() {
        bail!("{name} does not build");
    }
    let directory = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(directory).join("examples").join(name))
}

/// What `rustc` builds for by default.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("run rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV names no host")?.into())
}
