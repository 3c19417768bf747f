//! What goes wrong with a file of ours: what we did, to which file, and why not. Every store has this one.

use std::io;
use std::path::PathBuf;

use process::{Diagnose, FailureKind};
use thiserror::Error;

/// A file or directory could not be used.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The kernel refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// "create", "rename", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of ours that is not what we wrote.
    #[error("{path} is damaged: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The place and the reason.
        source: serde_json::Error,
    },
}

impl DiskError {
    /// For `map_err`.
    pub fn at<E: Into<io::Error>>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: source.into() }
    }

    /// Whether there was no room, or no more of it for us.
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

impl Diagnose for DiskError {
    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Some(FailureKind::Denied),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        let Self::Io { source, .. } = self else { return None };
        match source.kind() {
            // Root is refused for other reasons: an immutable directory, a security module.
            io::ErrorKind::PermissionDenied if !nix::unistd::geteuid().is_root() => {
                Some("mini-docker works as root: try sudo".into())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space, or keep the data root on another disk".into())
            }
            io::ErrorKind::ReadOnlyFilesystem => Some("keep the data root on a disk that can be written to".into()),
            _ => None,
        }
    }
}
