//! The guest from inside: what it does when it starts.

use std::fmt::Write as _;
use std::path::Path;

use super::binaries::Binary;

/// Begins a line that is ours.
pub(crate) const MARK: &str = "@@";

/// Mounts, modules; and a root that can be pivoted away from, which a kernel's first file system cannot.
const START: &str = r#"#!/bin/sh
if [ ! -e /switched ]; then
  echo "@@ up"
  dmesg -n 1
  mount -t proc proc /proc
  mount -t tmpfs -o size=90%,mode=755 tmpfs /new
  mkdir /new/proc /new/sys /new/dev
  for d in /*; do case $d in /new|/proc|/sys|/dev) ;; *) cp -a $d /new/ ;; esac; done
  touch /new/switched
  umount /proc
  exec switch_root /new /init
fi
export PATH=/bin HOME=/root TERM=linux
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /sys/fs/cgroup
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for m in /modules/*.ko; do insmod $m 2>/dev/null; done
mkdir /disk
mount -t ext4 /dev/vda /disk || mount -t tmpfs tmpfs /disk
# A workspace may be below /tmp, and its snapshots and programs with it.
cp -a /tmp/. /disk/
mount -o move /disk /tmp
chmod 1777 /tmp
ifconfig lo 127.0.0.1 up
hostname guest
"#;

/// Runs every binary and reports over the serial line.
pub(crate) fn tests(binaries: &[Binary], root: &Path) -> String {
    let mut script = String::from(START);
    let root = root.display();
    let _ = write!(
        script,
        "export INSTA_WORKSPACE_ROOT={root} INSTA_UPDATE=no WB_SKIPS=/skips TESTKIT_SECONDS=300 RUST_BACKTRACE=0\ntouch /skips\n"
    );
    for binary in binaries.iter().filter(|binary| !binary.is_program()) {
        let _ = write!(
            script,
            "echo \"{MARK} begin {name}\"\ncd {directory}\n{program} --test-threads=2 --exact {tests} 2>&1\necho \"{MARK} end {name} $?\"\n",
            name = binary.name,
            directory = binary.manifest_directory.display(),
            program = binary.inside().display(),
            tests = binary.tests.join(" "),
        );
    }
    let _ = write!(script, "echo \"{MARK} skips\"\ncat /skips\necho \"{MARK} done\"\npoweroff -f\n");
    script
}

/// Gives a shell.
pub(crate) fn shell() -> String {
    format!("{START}echo; echo 'Linux with cgroup v2. Leave with: exit'\nsetsid cttyhack sh\npoweroff -f\n")
}
