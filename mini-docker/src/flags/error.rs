//! Why flags are refused.

use std::io;
use std::path::PathBuf;

use process::{Diagnose, FailureKind};
use thiserror::Error;

use super::values::Wrong;

/// What clap cannot see: values that depend on each other, or on files.
#[derive(Debug, Error)]
pub(super) enum FlagError {
    /// A mode that there is not.
    #[error("--{0}: invalid {1} mode")]
    Mode(&'static str, &'static str),
    /// Flags that exclude each other.
    #[error("conflicting options: {0}")]
    Conflict(&'static str),
    /// In the background there is nobody at the streams.
    #[error("conflicting options: cannot specify both --attach and --detach")]
    Attach,
    /// Out of range.
    #[error("invalid value: {0}. Valid memory swappiness range is 0-100")]
    Swappiness(i64),
    /// Not an option that takes effect here.
    #[error("Invalid --security-opt: {0:?}")]
    Security(String),
    /// A profile that cannot be read.
    #[error("opening seccomp profile ({path}) failed: open {path}: {source}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A profile that is no JSON.
    #[error("compacting json for seccomp profile ({path}) failed: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The place and the reason.
        source: serde_json::Error,
    },
    /// Options for a log that there is not.
    #[error("invalid logging opts for driver {0}")]
    LogOptions(String),
    /// A value that docker's client reads late.
    #[error(transparent)]
    Value(Wrong),
    /// Not a signal.
    #[error("invalid signal: {0}")]
    Signal(String),
}

impl Diagnose for FlagError {
    fn kind(&self) -> Option<FailureKind> {
        // Docker leaves with 1 where it is about the streams of the caller.
        Some(if matches!(self, Self::Attach) { FailureKind::Caller } else { FailureKind::Invalid })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Security(_)).then(|| "write it as seccomp=FILE or no-new-privileges".into())
    }
}
