//! Why nothing is copied, in docker's words.

use std::io;
use std::path::PathBuf;

use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Why nothing is copied.
#[derive(Debug, Error)]
pub(crate) enum CopyError {
    #[error("Could not find the file {} in container {}", .0.display(), .1)]
    NotFound(PathBuf, String),
    #[error("lstat {}: {}", .0.display(), words(.1))]
    Outside(PathBuf, io::Error),
    #[error("stat {}: {}", .0.display(), words(.1))]
    Output(PathBuf, io::Error),
    #[error("lstat {}: not a directory", .0.display())]
    NotDirectoryInside(PathBuf),
    #[error("not a directory")]
    NotDirectory,
    #[error("extraction point is not a directory")]
    NotExtractionPoint,
    #[error("no such directory")]
    NoDirectory,
    #[error("cannot copy directory")]
    OntoFile,
    #[error("destination \"{}:{}\" must be a directory", .0, .1.display())]
    MustBeDirectory(String, PathBuf),
    #[error("invalid output path: directory {0:?} does not exist")]
    NoParent(PathBuf),
    #[error("invalid output path: {0:?} must be a directory or a regular file: got a {1}")]
    OutputKind(PathBuf, &'static str),
    #[error("container rootfs is marked read-only")]
    ReadOnlyRoot,
    #[error("mounted volume is marked read-only")]
    ReadOnlyVolume,
    #[error("Container {0} is restarting, wait until the container is running")]
    Restarting(String),
}

impl Diagnose for CopyError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotFound(..) => FailureKind::NotFound,
            Self::ReadOnlyRoot | Self::ReadOnlyVolume => FailureKind::Denied,
            Self::Restarting(_) => FailureKind::Conflict,
            _ => FailureKind::Invalid,
        })
    }
}

/// The kernel's words, as docker has them.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
