//! A disk for the guest's `/tmp`: a real file system, which does what a tmpfs does not everywhere, such as attributes of users.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// In bytes. The file has holes: it takes only the room that the guest fills.
const SIZE: u64 = 4 << 30;

/// Makes an empty one; what was in it is gone.
pub(crate) fn make(directory: &Path) -> Result<PathBuf> {
    let path = directory.join("disk.img");
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    file.set_len(SIZE).with_context(|| format!("make {} larger", path.display()))?;
    // Where it is, users other than root do not look for programs.
    let programs = env::join_paths(
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).chain(["/usr/sbin".into(), "/sbin".into()]),
    )?;
    // Nobody will want to repair it, so it needs no journal.
    let output = Command::new("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-O", "^has_journal"])
        .arg(&path)
        .env("PATH", programs)
        .output();
    let output = output.context("run mke2fs\nhint: apt-get install e2fsprogs")?;
    if output.status.success() { Ok(path) } else { bail!("mke2fs: {}", String::from_utf8_lossy(&output.stderr)) }
}
