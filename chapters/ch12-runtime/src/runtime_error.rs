//! What can go wrong with a container's life, seen from outside.

use std::fs;
use std::io;

use cgroups::CgroupError;
use namespaces::{EnterError, HeldError, NamespacesError};
use nix::errno::Errno;
use nix::unistd::Pid;
use process::{Diagnose, FailureKind, IdentityError, SpawnError};
use rootfs::RootfsError;
use thiserror::Error;

use crate::error::PlanError;
use crate::net_devices::NetDeviceError;
use crate::notice_error::NoticeError;

/// Why a container did not start, or could not be cleaned up.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// The specification.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// A namespace to join.
    #[error(transparent)]
    Namespaces(#[from] NamespacesError),
    /// The id maps.
    #[error(transparent)]
    IdMaps(#[from] namespaces::UserMapError),
    /// The ids of an id-mapped mount.
    #[error(transparent)]
    MountIds(#[from] HeldError),
    /// Who is asked about system calls.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// A container that runs.
    #[error(transparent)]
    Enter(#[from] EnterError),
    /// It has ended.
    #[error("cannot exec in a stopped container")]
    Stopped,
    /// It stands still.
    #[error("cannot exec in a paused container")]
    Paused,
    /// A network device of its own.
    #[error(transparent)]
    NetDevice(#[from] NetDeviceError),
    /// What it binds.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// Pipes.
    #[error("open pipes for standard input and output: {0}")]
    Streams(io::Error),
    /// How soon it is killed when memory is out.
    #[error("write {score} to /proc/{pid}/oom_score_adj: {source}")]
    OomScore {
        /// The process.
        pid: Pid,
        /// From the specification.
        score: i32,
        /// The reason.
        source: io::Error,
    },
    /// The process, or what it reported from inside.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

impl Diagnose for RuntimeError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(
            self,
            Plan | Cgroup | Namespaces | IdMaps | MountIds | Notice | Enter | NetDevice | Rootfs | Spawn
        )
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Streams(_) | Self::OomScore { .. } => FailureKind::System,
            Self::Stopped | Self::Paused => FailureKind::Conflict,
            _ => return None,
        })
    }
}

impl RuntimeError {
    /// Of a container's first process that could not be entered: mostly it has ended.
    pub(crate) fn of_target(error: EnterError) -> Self {
        match error {
            EnterError::Identity(IdentityError::Ended(_))
            | EnterError::Process { errno: Errno::ESRCH, .. }
            | EnterError::Enter { errno: Errno::ESRCH, .. } => Self::Stopped,
            error => Self::Enter(error),
        }
    }
}

/// From outside, because in a user namespace the child's files in `/proc` are not its own any more.
pub(crate) fn set_oom_score_adj(pid: Pid, score: i32) -> Result<(), RuntimeError> {
    fs::write(format!("/proc/{pid}/oom_score_adj"), score.to_string()).map_err(|source| RuntimeError::OomScore {
        pid,
        score,
        source,
    })
}
