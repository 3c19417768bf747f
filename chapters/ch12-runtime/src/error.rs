//! What can be wrong with a specification.

use cgroups::LayoutError;
use confinement::{AttributeError, LabelError, RlimitError, SeccompError};
use namespaces::{IdMapError, NamespacesError};
use process::{Diagnose, ExecError, FailureKind};
use thiserror::Error;

/// Why a specification cannot become a container.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A field that we need.
    #[error("the specification has no {0}")]
    Missing(&'static str),
    /// Something that we cannot do, and that must not be skipped silently.
    #[error("the specification asks for {0}, which this runtime does not do")]
    Unsupported(String),
    /// A field with a wrong value.
    #[error("invalid {field}: {value:?}")]
    Invalid {
        /// Its name.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// Namespaces.
    #[error(transparent)]
    Namespaces(#[from] NamespacesError),
    /// Id maps.
    #[error(transparent)]
    IdMap(#[from] IdMapError),
    /// Resource limits.
    #[error(transparent)]
    Rlimit(#[from] RlimitError),
    /// What the process is to keep.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A security module.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The system call filter.
    #[error(transparent)]
    Seccomp(#[from] SeccompError),
    /// The control group hierarchies.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The program.
    #[error(transparent)]
    Program(#[from] ExecError),
}

impl Diagnose for PlanError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Namespaces | IdMap | Rlimit | Attribute | Label | Seccomp | Layout | Program)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Missing(_) | Self::Invalid { .. } => FailureKind::Invalid,
            Self::Unsupported(_) => FailureKind::Unsupported,
            _ => return None,
        })
    }
}
