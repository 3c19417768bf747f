//! What can go wrong with an overlay, and what the kernel means by it: it has one errno for most of it.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use process::Diagnose;
use thiserror::Error;

/// An overlay, or its directories, could not be made.
#[derive(Debug, Error)]
pub enum OverlayError {
    /// The disk.
    #[error("{action} {path}: {source}")]
    Io {
        /// "create", "remove", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
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
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(full()),
            Self::Mount { errno, log, layers, .. } => hint(*errno, log, *layers),
            Self::NoLower(_) => Some("the image has no layers; import an empty archive for an empty one".into()),
            Self::Io { .. } => None,
        }
    }
}

fn hint(errno: Errno, log: &str, layers: usize) -> Option<String> {
    let hint = match errno {
        Errno::ENODEV => "the kernel has no overlay file system: modprobe overlay".into(),
        Errno::ENOSPC | Errno::EDQUOT => full(),
        Errno::EROFS => "the data root is on a read-only file system; use another with --root".into(),
        Errno::ENOENT => "a layer's directory is missing: remove the image and pull or import it again".into(),
        Errno::EPERM => "overlayfs needs root, or a user namespace and Linux 5.11".into(),
        Errno::ENOSYS => "the mount API needs Linux 5.12".into(),
        Errno::EINVAL if log.contains("too many lower") || layers > 500 => {
            "overlayfs takes 500 layers; build the image with fewer steps, or squash it".into()
        }
        Errno::EINVAL if log.contains("stacking depth") => {
            "overlays can be stacked twice only: put the data root on a disk, not inside a container, with --root"
                .into()
        }
        Errno::EINVAL => {
            "the upper directory must be on a local disk file system such as ext4, xfs or btrfs, not on an \
                          overlay or NFS: use another with --root"
                .into()
        }
        _ => return None,
    };
    Some(hint)
}

fn count(layers: usize) -> String {
    if layers == 1 { "1 layer".into() } else { format!("{layers} layers") }
}

fn full() -> String {
    "free some space, or use another disk with --root".into()
}

impl OverlayError {
    /// For `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
