//! What can go wrong when somebody is to be asked about system calls.

use std::path::PathBuf;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Nobody could be told. The words are runc's.
#[derive(Debug, Error)]
pub enum NoticeError {
    /// Nobody is there.
    #[error("failed to connect with seccomp agent specified in the seccomp profile: {path}: {errno}")]
    Connect {
        /// Their socket.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// They went away.
    #[error("cannot send seccomp fd to {path}: {errno}")]
    Send {
        /// Their socket.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
}

impl Diagnose for NoticeError {
    fn kind(&self) -> Option<FailureKind> {
        let (Self::Connect { errno, .. } | Self::Send { errno, .. }) = self;
        Some((*errno).into())
    }
}
