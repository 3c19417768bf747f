//! Which control group hierarchies this machine has, and where they are mounted.
//!
//! v1 has a tree for each controller, v2 one tree for all. A *hybrid* machine has v1 trees with the controllers and a v2
//! tree without any; for limits it is v1.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Where every distribution mounts them.
const USUAL: &str = "/sys/fs/cgroup";
const TABLE: &str = "/proc/self/mountinfo";

/// The hierarchies could not be found.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// The mount table.
    #[error("read {TABLE}: {0}")]
    Table(io::Error),
    /// Nothing is mounted.
    #[error("no control group hierarchy is mounted")]
    None,
}

impl Diagnose for LayoutError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::None => FailureKind::Unsupported,
            Self::Table(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        Some("mount -t cgroup2 cgroup2 /sys/fs/cgroup".into())
    }
}

/// One v1 tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// `cpu`, `cpuacct`; or `name=systemd`, which limits nothing.
    pub controllers: Vec<String>,
}

/// What this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// One tree with all controllers.
    V2(PathBuf),
    /// One tree for each controller, and on a hybrid machine the v2 tree beside them.
    V1(Vec<Hierarchy>, Option<PathBuf>),
}

impl Layout {
    /// Looks at `/sys/fs/cgroup`, and reads the mount table if that is not v2.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn detect() -> Result<Self, LayoutError> {
        // One call instead of a table that has a line for each mount of each container.
        if statfs(USUAL).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC) {
            return Ok(Self::V2(USUAL.into()));
        }
        Self::parse(&fs::read_to_string(TABLE).map_err(LayoutError::Table)?)
    }

    /// Reads a mount table (`proc_pid_mountinfo(5)`).
    ///
    /// # Errors
    /// [`LayoutError::None`].
    pub fn parse(table: &str) -> Result<Self, LayoutError> {
        // What the kernel mounts as options of the superblock besides controllers.
        const OPTIONS: [&str; 9] =
            ["rw", "ro", "xattr", "clone_children", "noprefix", "none", "cpuset_v2_mode", "favordynmods", "seclabel"];
        let (mut v1, mut v2): (Vec<Hierarchy>, Option<PathBuf>) = (Vec::new(), None);
        for line in table.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let Some(mount) = left.split(' ').nth(4).map(unescape) else { continue };
            let mut right = right.split(' ');
            match (right.next(), right.nth(1)) {
                (Some("cgroup2"), _) if v2.is_none() => v2 = Some(mount),
                (Some("cgroup"), Some(options)) => {
                    let controllers: Vec<String> = options
                        .split(',')
                        .filter(|option| !OPTIONS.contains(option) && !option.starts_with("release_agent="))
                        .map(str::to_owned)
                        .collect();
                    if !v1.iter().any(|known| known.controllers == controllers) {
                        v1.push(Hierarchy { mount, controllers });
                    }
                }
                _ => {}
            }
        }
        match (v1.iter().any(Hierarchy::limits), v2) {
            (false, Some(v2)) => Ok(Self::V2(v2)),
            (true, v2) => Ok(Self::V1(v1, v2)),
            (false, None) => Err(LayoutError::None),
        }
    }

    /// "1", "1 (hybrid)" or "2".
    pub fn version(&self) -> &'static str {
        match self {
            Self::V2(_) => "2",
            Self::V1(_, None) => "1",
            Self::V1(_, Some(_)) => "1 (hybrid)",
        }
    }

    /// Controllers that can be used here, sorted.
    pub fn controllers(&self) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::V2(mount) => fs::read_to_string(mount.join("cgroup.controllers"))
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            Self::V1(hierarchies, _) => hierarchies
                .iter()
                .filter(|hierarchy| hierarchy.limits())
                .flat_map(|hierarchy| hierarchy.controllers.clone())
                .collect(),
        };
        names.sort();
        names
    }

    /// The v1 trees, none on v2.
    pub(crate) fn v1_trees(&self) -> &[Hierarchy] {
        match self {
            Self::V1(trees, _) => trees,
            Self::V2(_) => &[],
        }
    }

    /// Where the v1 tree of `controller` is mounted.
    pub(crate) fn v1_mount(&self, controller: &str) -> Option<&Path> {
        self.v1_trees().iter().find(|tree| tree.has(controller)).map(|tree| tree.mount.as_path())
    }
}

impl Hierarchy {
    /// Whether this controller is in it.
    pub(crate) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }

    /// Whether it has a controller, not only a name.
    fn limits(&self) -> bool {
        self.controllers.iter().any(|name| !name.starts_with("name="))
    }
}

/// `\040` is a space, `\054` a comma, `\134` a backslash.
fn unescape(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[3..]);
            }
            None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";
    const V2: &str = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn the_three_kinds_of_machine() {
        assert_eq!(Layout::parse(V1).expect("v1").version(), "1");
        assert_eq!(Layout::parse(V2).expect("v2").version(), "2");
        assert_eq!(Layout::parse(&format!("{V1}{V2}")).expect("hybrid").version(), "1 (hybrid)");
        assert!(Layout::parse("").is_err());
    }

    #[test]
    fn a_named_tree_without_controllers_does_not_make_it_v1() {
        let named = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        assert_eq!(Layout::parse(&format!("{named}{V2}")).expect("v2").version(), "2");
    }

    #[test]
    fn a_mount_point_may_have_spaces() {
        let table = "41 31 0:38 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n";
        assert_eq!(Layout::parse(table).expect("v2"), Layout::V2("/mnt/my groups".into()));
    }

    #[test]
    fn controllers_mounted_together_are_both_found() {
        let layout = Layout::parse(V1).expect("v1");
        assert_eq!(layout.v1_mount("cpuacct"), Some(Path::new("/sys/fs/cgroup/cpu,cpuacct")));
        assert_eq!(layout.controllers(), ["cpu", "cpuacct"]);
    }
}
