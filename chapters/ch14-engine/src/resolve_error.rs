//! Why a wish cannot be fulfilled, in docker's words.

use confinement::RlimitError;
use process::{Diagnose, FailureKind};
use runtime::Text;
use runtime::limits::LimitError;
use runtime::security::SecurityError;
use thiserror::Error;

use crate::health::HealthError;
use crate::log::LogError;
use crate::rules::RuleError;

/// Why a wish cannot be fulfilled.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// Neither the wish nor the image says what to run.
    #[error("no command specified")]
    NoCommand,
    /// A working directory that depends on another.
    #[error("the working directory '{0}' is invalid, it needs to be an absolute path")]
    WorkingDirectory(String),
    /// A target of a mount.
    #[error("invalid mount path: '{0}' mount path must be absolute")]
    RelativeMount(String),
    /// A mount in place of everything.
    #[error("invalid specification: destination can't be '/'")]
    RootMount,
    /// A variable without a name.
    #[error("invalid environment variable: {0}")]
    Variable(Text),
    /// A value that a field cannot have.
    #[error("invalid {field}: {value:?}")]
    Invalid {
        /// What it is about.
        field: &'static str,
        /// What was asked for.
        value: String,
    },
    /// Whose a namespace is to be, in words that nobody knows.
    #[error("invalid {field}: {value}")]
    Mode {
        /// What it is about.
        field: &'static str,
        /// What was asked for.
        value: String,
    },
    /// Another runtime.
    #[error("unknown or invalid runtime name: {0}")]
    Runtime(String),
    /// An annotation without a name.
    #[error("invalid Annotations: the empty string is not permitted as an annotation key")]
    Annotation,
    /// Somebody's network, and nobody named.
    #[error("invalid network mode: invalid container format container:<name|id>")]
    NetworkOwner,
    /// A restart policy that there is not, or with a number where there is nothing to count.
    #[error("invalid restart policy: {0}")]
    Restart(String),
    /// More or less than the kernel takes.
    #[error("Invalid value {0}, range for oom score adj is [-1000, 1000]")]
    OomScore(i64),
    /// Less than nothing.
    #[error("SHM size can not be less than 0")]
    ShmSize,
    /// Wishes that exclude each other.
    #[error("conflicting options: {0}")]
    Conflict(&'static str),
    /// Something that docker has and we have not.
    #[error("{0}")]
    Unsupported(String),
    /// A signal that there is not.
    #[error("invalid signal: {0}")]
    StopSignal(String),
    /// How its health is checked.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// Options of the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Limits.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Limits of a process.
    #[error(transparent)]
    Rlimit(#[from] RlimitError),
    /// Rules for devices.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Capabilities, filters.
    #[error(transparent)]
    Security(#[from] SecurityError),
}

impl Diagnose for ResolveError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Health(error) => Some(error),
            Self::Log(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::Rlimit(error) => Some(error),
            Self::Rule(error) => Some(error),
            Self::Security(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(if matches!(self, Self::Unsupported(_)) { FailureKind::Unsupported } else { FailureKind::Invalid })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoCommand).then(|| "the image has no default command: name one after the image".into())
    }
}
