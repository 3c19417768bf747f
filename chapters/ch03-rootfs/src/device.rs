//! Device nodes: what programs expect in `/dev`, and nothing else of the machine's.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, fstat, makedev, mknodat};
use nix::unistd::{Gid, Uid, symlinkat};
use process::{Diagnose, FailureKind};
use rustix::fs::{AtFlags, CWD, chownat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::errno::errno;
use crate::mount::{attach, clone_tree};
use crate::places::Places;
use crate::root_dir::RootDirError;

/// A node or link could not be made.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The kernel refused.
    #[error("{action} {path}: {errno}")]
    Kernel {
        /// "make device", "link", …
        action: &'static str,
        /// Where, inside.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// The place for it.
    #[error(transparent)]
    Place(#[from] RootDirError),
}

impl Diagnose for DeviceError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Place)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Kernel { errno, .. } => (*errno).into(),
            Self::Place(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kernel { errno: Errno::EPERM, action: "make device", .. } => Some("needs CAP_MKNOD".into()),
            _ => None,
        }
    }
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Bytes one after the other. Once there were unbuffered ones too.
    #[serde(rename = "c", alias = "u")]
    Char,
    /// Blocks of a disk.
    #[serde(rename = "b")]
    Block,
    /// A named pipe.
    #[serde(rename = "p")]
    Fifo,
}

/// One node, as the OCI runtime specification describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Where, inside.
    pub path: PathBuf,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// Which driver.
    #[serde(default)]
    pub major: u32,
    /// Which device of it.
    #[serde(default)]
    pub minor: u32,
    /// Permission bits; for everybody if nothing is said.
    #[serde(rename = "fileMode", default = "for_everybody")]
    pub mode: u32,
    /// Owner.
    #[serde(default)]
    pub uid: u32,
    /// Group.
    #[serde(default)]
    pub gid: u32,
}

fn for_everybody() -> u32 {
    0o666
}

/// The links in `/dev` that programs expect: name and target.
pub const DEVICE_LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];

impl Device {
    /// null, zero, full, random, urandom and tty, for everybody.
    pub fn defaults() -> Vec<Self> {
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)]
            .into_iter()
            .map(|(name, major, minor)| Self {
                path: Path::new("/dev").join(name),
                kind: DeviceKind::Char,
                major,
                minor,
                mode: for_everybody(),
                uid: 0,
                gid: 0,
            })
            .collect()
    }

    /// Makes the node inside `root`, or binds the host's, where a user namespace forbids making any.
    pub(crate) fn make(&self, root: &Places) -> Result<(), DeviceError> {
        let (directory, path) = root.find(&self.path);
        let (parent, name) = directory.parent_of(path).map_err(|error| error.of(&self.path))?;
        let kind = match self.kind {
            DeviceKind::Char => SFlag::S_IFCHR,
            DeviceKind::Block => SFlag::S_IFBLK,
            DeviceKind::Fifo => SFlag::S_IFIFO,
        };
        let number = makedev(self.major.into(), self.minor.into());
        // ANCHOR: make
        match mknodat(&parent, name.as_os_str(), kind, Mode::from_bits_truncate(self.mode), number) {
            Ok(()) if (self.uid, self.gid) == (0, 0) => Ok(()),
            Ok(()) => self.give(&parent, &name),
            // A node of that number is there already: an image may bring it, a bind mount may have made it.
            Err(Errno::EEXIST) if self.is_there(root, kind, number) => Ok(()),
            Err(Errno::EPERM) => self.bind(root, kind, number),
            Err(errno) => Err(self.failed("make device", errno)),
        }
        // ANCHOR_END: make
    }

    fn give(&self, parent: &OwnedFd, name: &OsStr) -> Result<(), DeviceError> {
        let (uid, gid) = (Uid::from_raw(self.uid).as_raw(), Gid::from_raw(self.gid).as_raw());
        let (uid, gid) = (rustix::process::Uid::from_raw(uid), rustix::process::Gid::from_raw(gid));
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.failed("change the owner of", errno(error)))
    }

    fn is_there(&self, root: &Places, kind: SFlag, number: u64) -> bool {
        root.resolve(&self.path).is_ok_and(|file| is_device(&file, kind, number))
    }

    fn bind(&self, root: &Places, kind: SFlag, number: u64) -> Result<(), DeviceError> {
        let node = clone_tree(CWD, &self.path, false).map_err(|errno| self.failed("bind device", errno))?;
        if !is_device(&node, kind, number) {
            // The host has something else under that name.
            return Err(self.failed("bind device", Errno::ENODEV));
        }
        let (directory, path) = root.find(&self.path);
        let target = directory.create_file(path, 0o644).map_err(|error| error.of(&self.path))?;
        attach(node.as_fd(), target.as_fd()).map_err(|errno| self.failed("bind device", errno))
    }

    fn failed(&self, action: &'static str, errno: Errno) -> DeviceError {
        DeviceError::Kernel { action, path: self.path.clone(), errno }
    }
}

pub(crate) fn is_device(file: &OwnedFd, kind: SFlag, number: u64) -> bool {
    fstat(file).is_ok_and(|metadata| {
        SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT == kind && metadata.st_rdev == number
    })
}

/// Whether this is the null device, by its number.
pub(crate) fn is_null(file: &OwnedFd) -> bool {
    is_device(file, SFlag::S_IFCHR, makedev(1, 3))
}

/// Makes `/dev/fd` and its like. What the image has of the same name stays.
pub(crate) fn make_links(root: &Places) -> Result<(), DeviceError> {
    let place = Path::new("/dev");
    let (directory, path) = root.find(place);
    let dev = directory.create_dir_all(path, 0o755).map_err(|error| error.of(place))?;
    for (name, target) in DEVICE_LINKS {
        match symlinkat(target, &dev, name) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => {
                return Err(DeviceError::Kernel { action: "link", path: Path::new("/dev").join(name), errno });
            }
        }
    }
    Ok(())
}
