//! A user namespace without a process: what maps the owners of files in an id-mapped mount (`mount_setattr(2)`).

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::sched::CloneFlags;
use process::{Diagnose, FailureKind, Spawn, SpawnError};

use crate::idmap::IdMap;
use crate::usermap::{UserMapError, write_maps};

/// There is no such namespace.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The process that it is made with.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its maps.
    #[error(transparent)]
    Maps(#[from] UserMapError),
    /// Its file.
    #[error("open {path}: {source}")]
    Open {
        /// `/proc/PID/ns/user`.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl Diagnose for HeldError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Spawn | Maps)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Open { source, .. } => Some(source.into()),
            _ => None,
        }
    }
}

/// A new user namespace with these ids. It is made with a process, and lives on in the file that is opened.
///
/// # Errors
/// [`HeldError`]. The caller must have one thread.
pub fn user_namespace(users: &IdMap, groups: &IdMap) -> Result<OwnedFd, HeldError> {
    let pending =
        Spawn::new().namespaces(CloneFlags::CLONE_NEWUSER).start(|gate| -> Result<Infallible, SpawnError> {
            gate.wait()?;
            process::sys::exit_now(0)
        })?;
    write_maps(pending.pid(), users, groups)?;
    let path = PathBuf::from(format!("/proc/{}/ns/user", pending.pid()));
    File::open(&path).map(OwnedFd::from).map_err(|source| HeldError::Open { path, source })
}
