//! What is mounted in a container: what was put over files of `/proc` and `/sys`, and everything else. Both are read from the
//! kernel's table; nothing is looked up inside.

use std::collections::BTreeSet;

use process::ProcDir;
use rootfs::{Mounted, defaults};
use serde::Serialize;

/// So many are described: a container that may mount can have any number.
const MOST: usize = 1000;

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mounts {
    /// Paths that show nothing.
    pub masked: Vec<String>,
    /// Of those that docker masks: what is there, and open.
    pub unmasked: Vec<String>,
    /// Paths of the kernel's that cannot be written to.
    pub read_only: Vec<String>,
    /// Of those that docker makes read-only: what is there, and can be written to.
    pub writable: Vec<String>,
    /// How many other mounts there are.
    pub total: usize,
    /// The first thousand.
    pub list: Vec<MountSeen>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MountSeen {
    /// Where, from the container's root.
    pub point: String,
    /// The type of its file system.
    pub kind: String,
    /// What of the file system is shown: `/` is all of it, another path a bind mount's source.
    pub root: String,
    /// Whether nothing can be written.
    pub read_only: bool,
}

pub(super) fn look(first: &ProcDir) -> Option<Mounts> {
    Some(sort(&Mounted::parse(&first.text("mountinfo").ok()?)))
}

fn sort(table: &[Mounted]) -> Mounts {
    let mut mounts = Mounts::default();
    // Of several at one place the last is seen.
    let mut covered = BTreeSet::new();
    for mounted in table.iter().rev().filter(|mounted| covered.insert(mounted.point.as_str())) {
        let point = mounted.point.clone();
        let in_kernel = point.starts_with("/proc/") || point.starts_with("/sys/");
        if in_kernel && is_mask(mounted) {
            mounts.masked.push(point);
        } else if in_kernel && mounted.is_read_only() && matches!(mounted.kind.as_str(), "proc" | "sysfs") {
            mounts.read_only.push(point);
        } else {
            mounts.total += 1;
            if mounts.list.len() < MOST {
                let read_only = mounted.is_read_only();
                let Mounted { kind, root, .. } = mounted.clone();
                mounts.list.push(MountSeen { point, kind, root, read_only });
            }
        }
    }
    for list in [&mut mounts.masked, &mut mounts.read_only] {
        list.sort();
    }
    mounts.list.sort_by(|one, other| one.point.cmp(&other.point));
    // The host has what the container would have: it is the same kernel.
    let open = |paths: Vec<std::path::PathBuf>, closed: &[&[String]]| {
        let paths = paths.into_iter().filter(|path| path.exists()).map(|path| path.display().to_string());
        paths.filter(|path| !closed.iter().any(|list| list.contains(path))).collect()
    };
    mounts.unmasked = open(defaults::masked_paths(), &[&mounts.masked]);
    mounts.writable = open(defaults::readonly_paths(), &[&mounts.masked, &mounts.read_only]);
    mounts
}

/// A null device over a file, or an empty file system that takes nothing over a directory.
fn is_mask(mounted: &Mounted) -> bool {
    let memory = matches!(mounted.kind.as_str(), "tmpfs" | "devtmpfs");
    memory
        && (mounted.root == "/null"
            || (mounted.root == "/" && mounted.is_read_only() && mounted.point != "/sys/fs/cgroup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_told_from_other_mounts() {
        let table = "1 0 0:1 / / rw - overlay none rw\n\
                     2 1 0:2 / /proc rw - proc proc rw\n\
                     3 2 0:3 /null /proc/keys rw - tmpfs tmpfs rw\n\
                     4 2 0:4 / /proc/acpi ro - tmpfs none rw\n\
                     5 2 0:2 /sys /proc/sys ro - proc proc rw\n\
                     6 1 0:5 / /sys ro - sysfs sysfs ro\n\
                     7 6 0:6 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n\
                     8 1 8:1 /home/me /data rw - ext4 /dev/sda rw\n\
                     9 1 8:1 /over /data ro - ext4 /dev/sda rw\n";
        let seen = sort(&Mounted::parse(table));
        assert_eq!(seen.masked, ["/proc/acpi", "/proc/keys"]);
        assert_eq!(seen.read_only, ["/proc/sys"]);
        assert!(!seen.unmasked.contains(&"/proc/keys".into()) && !seen.writable.contains(&"/proc/sys".into()));
        let points: Vec<&str> = seen.list.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/data", "/proc", "/sys", "/sys/fs/cgroup"]);
        assert_eq!((seen.list[1].root.as_str(), seen.list[1].read_only), ("/over", true));
    }
}
