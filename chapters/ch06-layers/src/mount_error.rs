//! What can go wrong with an overlay, and what the kernel means by it: it has one errno for most of it.

use std::path::PathBuf;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::disk_error::DiskError;

/// An overlay, or its directories, could not be made.
#[derive(Debug, Error)]
pub enum OverlayError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The kernel refused. `log` is what overlayfs itself had to say.
    #[error("mount overlay of {} on {upper}: {errno}{log}", count(*.layers))]
    Mount {
        /// How many lower layers.
        layers: usize,
        /// The upper directory.
        upper: PathBuf,
        /// The reason.
        errno: Errno,
        /// In parentheses, or empty.
        log: String,
    },
    /// overlayfs wants one layer at least.
    #[error("mount overlay on {0}: no lower layer")]
    NoLower(PathBuf),
}

impl Diagnose for OverlayError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Disk(_) => None,
            Self::Mount { errno, .. } => Some((*errno).into()),
            Self::NoLower(_) => Some(FailureKind::Invalid),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(_) => None,
            Self::Mount { errno, log, layers, .. } => hint(*errno, log, *layers),
            Self::NoLower(_) => Some("the image has no layers; import an empty archive for an empty one".into()),
        }
    }
}

fn hint(errno: Errno, log: &str, layers: usize) -> Option<String> {
    let hint = match errno {
        Errno::ENODEV => "the kernel has no overlay file system: modprobe overlay".into(),
        Errno::ENOSPC | Errno::EDQUOT => "free some space, or keep the data root on another disk".into(),
        Errno::EROFS => "keep the data root on a disk that can be written to".into(),
        Errno::ENOENT => "a layer's directory is missing: remove the image and pull or import it again".into(),
        Errno::EPERM => "overlayfs needs root, or a user namespace and Linux 5.11".into(),
        Errno::ENOSYS => "the mount API needs Linux 5.12".into(),
        Errno::EINVAL if log.contains("too many lower") || layers > 500 => {
            "overlayfs takes 500 layers; build the image with fewer steps, or squash it".into()
        }
        Errno::EINVAL if log.contains("stacking depth") => {
            "overlays can be stacked twice only: keep the data root on a disk, not inside a container".into()
        }
        Errno::EINVAL => {
            "the upper directory must be on a local disk file system such as ext4, xfs or btrfs, not on an \
                          overlay or NFS: keep the data root there"
                .into()
        }
        _ => return None,
    };
    Some(hint)
}

fn count(layers: usize) -> String {
    if layers == 1 { "1 layer".into() } else { format!("{layers} layers") }
}
