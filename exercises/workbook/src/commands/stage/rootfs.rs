//! A root file system for a stage, out of this machine's static busybox.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Makes it, unless it is there.
pub(super) fn make(root: &Path) -> Result<PathBuf> {
    let mark = root.join("etc/group");
    if mark.is_file() {
        return Ok(root.to_owned());
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().map(Path::new).find(|path| path.is_file());
    let busybox = busybox.context("a stage needs a root file system, and there is no busybox to make one of\nhint: apt-get install busybox-static")?;
    let failed = |path: &Path| format!("make the root file system: {}", path.display());
    for directory in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        let path = root.join(directory);
        fs::create_dir_all(&path).with_context(|| failed(&path))?;
    }
    let program = root.join("bin/busybox");
    fs::copy(busybox, &program).with_context(|| failed(&program))?;
    let list = Command::new(busybox).arg("--list").output().context("run busybox --list")?;
    for applet in String::from_utf8_lossy(&list.stdout).lines().filter(|applet| *applet != "busybox") {
        let link = root.join("bin").join(applet);
        if !link.is_symlink() {
            symlink("busybox", &link).with_context(|| failed(&link))?;
        }
    }
    let passwd = root.join("etc/passwd");
    fs::write(&passwd, "root:x:0:0:root:/root:/bin/sh\n").with_context(|| failed(&passwd))?;
    // Last: it says that the rest is there.
    fs::write(&mark, "root:x:0:\n").with_context(|| failed(&mark))?;
    Ok(root.to_owned())
}
