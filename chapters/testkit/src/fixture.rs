//! A small root file system out of Debian's static busybox. Made when needed, never committed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nstaff:x:50:alice\nalice:x:1000:\nnogroup:x:65534:\n";

/// Where Debian's busybox-static puts it.
pub(crate) fn busybox() -> Option<&'static Path> {
    ["/bin/busybox", "/usr/bin/busybox"].into_iter().map(Path::new).find(|path| path.is_file())
}

pub(crate) fn make_rootfs(root: &Path) {
    let busybox = busybox().expect("a static busybox (package busybox-static)");
    for directory in ["bin", "dev", "etc", "home/alice", "proc", "root", "sys", "tmp", "var/tmp"] {
        fs::create_dir_all(root.join(directory)).expect("a directory of the root file system");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode for /tmp");
    fs::copy(busybox, root.join("bin/busybox")).expect("a copy of busybox");
    let list = Command::new(busybox).arg("--list").output().expect("busybox --list runs");
    for applet in String::from_utf8_lossy(&list.stdout).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).expect("a link for an applet");
    }
    fs::write(root.join("etc/passwd"), PASSWD).expect("/etc/passwd of the root file system");
    fs::write(root.join("etc/group"), GROUP).expect("/etc/group of the root file system");
}
