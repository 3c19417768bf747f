//! What can go wrong with a container that another process has made.

use std::io;
use std::path::{Path, PathBuf};

use cgroups::CgroupError;
use layers::DiskError;
use nix::errno::Errno;
use process::{Diagnose, FailureKind, IdentityError, SpawnError};
use thiserror::Error;

use crate::door::DoorError;
use crate::hooks::HookError;
use crate::runtime_error::RuntimeError;
use crate::state::Status;

/// Why a command on a container failed. Where runc has words for it, they are runc's: other programs read them.
#[derive(Debug, Error)]
pub enum ContainersError {
    /// An id that is none.
    #[error("invalid container ID format")]
    Id,
    /// There is one already.
    #[error("container with given ID already exists")]
    Exists,
    /// There is none.
    #[error("container does not exist")]
    Missing,
    /// Its state forbids it.
    #[error("{0}")]
    Status(&'static str),
    /// It must not go yet.
    #[error("cannot delete container {id} that is not stopped: {status}")]
    NotStopped {
        /// The container.
        id: String,
        /// What it is instead.
        status: Status,
    },
    /// A signal that could not be sent.
    #[error("send signal {signal} to process {pid}: {errno}")]
    Signal {
        /// The process.
        pid: i32,
        /// The number.
        signal: i32,
        /// The reason.
        errno: Errno,
    },
    /// A killed process stays.
    #[error("process {0} does not end")]
    DoesNotEnd(i32),
    /// Its files.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its directory.
    #[error("{action} {path}: {source}")]
    Directory {
        /// "create", "lock", …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Its first process.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// It could not be made.
    #[error(transparent)]
    Runtime(RuntimeError),
    /// Its process could not become the program.
    #[error("unable to start container process: {0}")]
    Process(SpawnError),
    /// It could not be let go.
    #[error("unable to start container process: {0}")]
    Door(#[from] DoorError),
    /// A hook.
    #[error(transparent)]
    Hook(#[from] HookError),
}

impl From<RuntimeError> for ContainersError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Spawn(error) => Self::Process(error),
            error => Self::Runtime(error),
        }
    }
}

impl Diagnose for ContainersError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Disk | Identity | Cgroup | Runtime | Process | Door | Hook)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Id => FailureKind::Invalid,
            Self::Exists | Self::Status(_) | Self::NotStopped { .. } => FailureKind::Conflict,
            Self::Missing => FailureKind::NotFound,
            Self::Signal { errno, .. } => (*errno).into(),
            Self::Directory { source, .. } => source.into(),
            _ => return None,
        })
    }
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ContainersError {
    let path = path.to_path_buf();
    move |source| ContainersError::Directory { action, path, source }
}
