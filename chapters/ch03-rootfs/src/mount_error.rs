//! What can go wrong with a mount, and the cures that we know.

use std::path::PathBuf;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::root_dir::RootDirError;

/// A mount could not be made.
#[derive(Debug, Error)]
pub enum MountError {
    /// The kernel refused. `log` is what the file system itself had to say.
    #[error("{action} {what} on {destination}: {errno}{log}")]
    Kernel {
        /// "mount", "set attributes of", …
        action: &'static str,
        /// File system type, or source.
        what: String,
        /// Where, inside.
        destination: PathBuf,
        /// The reason.
        errno: Errno,
        /// In parentheses, or empty.
        log: String,
    },
    /// The place for it.
    #[error("prepare the place for a mount: {0}")]
    Target(#[from] RootDirError),
    /// The image wants `/proc` elsewhere.
    #[error("mount {kind} on {destination}: the image has a symbolic link there")]
    Link {
        /// `proc` or `sysfs`.
        kind: String,
        /// Where, inside.
        destination: PathBuf,
    },
    /// The place is in `/proc`: a mount there could cover a mask, or feign kernel parameters.
    #[error("mount {what} on {destination}: the place is inside /proc")]
    OverProc {
        /// File system type, or source.
        what: String,
        /// Where, inside.
        destination: PathBuf,
    },
    /// The container would see nothing but that. The words are docker's.
    #[error("mount {what} on {destination}: invalid specification: destination can't be '/'")]
    OverRoot {
        /// File system type, or source.
        what: String,
        /// Where, inside.
        destination: PathBuf,
    },
    /// A bind mount without a source.
    #[error("bind mount on {0}: no source")]
    NoSource(PathBuf),
    /// The words are runc's.
    #[error("mount on {destination}: id-mapped mounts {reason}")]
    IdMap {
        /// Where, inside.
        destination: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Diagnose for MountError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Target)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Kernel { errno: Errno::ENOENT, action: "open", .. } => FailureKind::NotFound,
            Self::Kernel { errno: Errno::ENODEV, .. } => FailureKind::Unsupported,
            Self::Kernel { errno, .. } => (*errno).into(),
            Self::Link { .. }
            | Self::OverProc { .. }
            | Self::OverRoot { .. }
            | Self::NoSource(_)
            | Self::IdMap { .. } => FailureKind::Invalid,
            Self::Target(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kernel { errno: Errno::ENODEV, what, .. } => {
                Some(format!("the kernel has no {what} file system: see /proc/filesystems, try modprobe {what}"))
            }
            Self::Kernel { errno: Errno::EPERM, what, .. } if what == "proc" || what == "sysfs" => Some(
                "in a user namespace these need a pid (proc) or network (sysfs) namespace of their own, and a host \
                 where they are not covered"
                    .into(),
            ),
            Self::Kernel { errno: Errno::EINVAL, action: "map the owners of", .. } => Some(
                "the file system cannot show its files with other owners: ext4, btrfs, xfs and tmpfs can on new kernels".into(),
            ),
            Self::Kernel { errno: Errno::ENOENT, action: "open", .. } => Some("the source does not exist".into()),
            Self::Kernel { errno: Errno::ENOSYS, .. } => Some("the mount API needs Linux 5.12".into()),
            Self::Link { .. } => Some("the image is hostile, or made for another purpose".into()),
            Self::OverProc { .. } => Some("only some files there can be replaced, /proc/meminfo for one".into()),
            _ => None,
        }
    }
}
