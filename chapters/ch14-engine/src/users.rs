//! `--userns private`: root inside is an ordinary user outside, and still owns the image's files.
//!
//! The files on disk belong to the real root. Copying a whole image to change owners would be slow and would share
//! nothing; instead the layers are mounted *id-mapped*, so that what belongs to 0 on disk belongs to the container's root.

use std::os::fd::AsFd;
use std::path::PathBuf;

use namespaces::{HeldError, IdMap, IdMapError, IdRange, subordinate_ids};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use process::{Diagnose, FailureKind, step};
use thiserror::Error;

use crate::saved::Saved;

/// Who may have ranges in `/etc/subuid` for containers: we, or the user that dockerd uses.
const NAMES: [&str; 2] = ["mini-docker", "dockremap"];
/// The range of a machine that has made none: what `useradd` gives to the first user.
const FALLBACK: IdRange = IdRange { inside: 0, outside: 100_000, count: 65_536 };

/// Why a container has no users of its own.
#[derive(Debug, Error)]
pub enum UsersError {
    /// The kernel refused.
    #[error("{action} {path}: {errno}")]
    Kernel {
        /// What we did.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// The range.
    #[error(transparent)]
    Range(#[from] IdMapError),
    /// The namespace that maps owners.
    #[error(transparent)]
    Namespace(#[from] HeldError),
}

impl Diagnose for UsersError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Range | Namespace)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Kernel { action: "map the owners of", errno: Errno::EINVAL, .. } => FailureKind::Unsupported,
            Self::Kernel { errno, .. } => (*errno).into(),
            Self::Range(_) | Self::Namespace(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kernel { action: "map the owners of", errno: Errno::EINVAL, .. } => Some(
                "the file system of the data root cannot be id-mapped on this kernel: ext4, xfs and btrfs can from 5.12 \
                 on, tmpfs from 6.3"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// The ids that the container's users have outside, if they are its own.
pub(crate) fn owners(saved: &Saved) -> Option<IdRange> {
    (!saved.record.users.is_host()).then(ids)
}

/// The ids of a container with users of its own.
pub(crate) fn ids() -> IdRange {
    let first = |path: &str| {
        let map = NAMES.iter().find_map(|name| subordinate_ids(path, name, None).ok())?;
        map.ranges().first().copied()
    };
    // One range for users and groups alike, as docker wants it.
    let range = first("/etc/subuid").unwrap_or(FALLBACK);
    IdRange { inside: 0, ..range }
}

/// Mounts each layer over itself, with the owners of its files mapped by `ids`; in a mount namespace of ours, which ends
/// with us.
pub(crate) fn map_owners(directories: &[PathBuf], ids: IdRange) -> Result<(), UsersError> {
    let map = IdMap::new(vec![ids])?;
    let namespace = namespaces::user_namespace(&map, &map)?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| UsersError::Kernel {
        action: "leave the mount namespace for",
        path: "id-mapped layers".into(),
        errno,
    })?;
    rootfs::isolate(false).map_err(|error| UsersError::Kernel {
        action: "make private the mounts below",
        path: "/".into(),
        errno: error.errno(),
    })?;
    for directory in directories {
        rootfs::map_in_place(directory, namespace.as_fd()).map_err(|errno| UsersError::Kernel {
            action: "map the owners of",
            path: directory.clone(),
            errno,
        })?;
    }
    step!(14, "owners of {} directories mapped: 0 is {}", directories.len(), ids.outside);
    Ok(())
}
