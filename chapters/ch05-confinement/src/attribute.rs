//! What a process keeps over `exec` and hands to its children, besides limits: how it is scheduled, how its input and
//! output are, on which processors and memory it runs, and what it takes the kernel for. In the runtime specification's
//! JSON. Nobody asks for it by chance, so a mistake is an error and never a default.

mod affinity;
mod io_priority;
mod memory_policy;
mod personality;
mod scheduler;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

pub use affinity::{Elsewhere, ExecCpuAffinity};
pub use io_priority::{IoClass, IoPriority};
pub use memory_policy::{MemoryFlag, MemoryMode, MemoryPolicy};
pub use personality::{Domain, Personality};
pub use scheduler::{Policy, Scheduler, SchedulerFlag};

/// Why an attribute was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AttributeError {
    /// A value that cannot be.
    #[error("invalid {field}: {reason}")]
    Invalid {
        /// As the specification calls it.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The kernel refused.
    #[error("{action}: {errno}")]
    Kernel {
        /// What was to be set.
        action: &'static str,
        /// The reason.
        errno: Errno,
    },
}

impl Diagnose for AttributeError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Invalid { .. } => FailureKind::Invalid,
            Self::Kernel { errno: Errno::ENOSYS, .. } => FailureKind::Unsupported,
            Self::Kernel { errno, .. } => (*errno).into(),
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kernel { errno: Errno::EPERM, .. } => {
                Some("this needs CAP_SYS_NICE on the host, which root in a user namespace does not have".into())
            }
            _ => None,
        }
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> AttributeError {
    AttributeError::Invalid { field, reason: reason.into() }
}

fn failed(action: &'static str) -> impl Fn(Errno) -> AttributeError {
    move |errno| AttributeError::Kernel { action, errno }
}
