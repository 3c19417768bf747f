//! What can go wrong between clone and exec, beyond what the chapters below report themselves.

use namespaces::{EnterError, NamespacesError};
use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Why the child could not become the program.
#[derive(Debug, Error)]
pub(crate) enum InsideError {
    /// A call that is ours alone.
    #[error("{action}: {errno}")]
    Kernel { action: String, errno: Errno },
    /// The working directory.
    #[error("chdir to cwd ({path:?}) set in config.json failed: {}", errno.desc().to_lowercase())]
    WorkingDirectory { path: std::path::PathBuf, errno: Errno, joins: bool },
    /// The working directory is not below the root.
    #[error("the working directory {0:?} is outside the container's root")]
    OutsideRoot(std::path::PathBuf),
    /// Namespaces.
    #[error(transparent)]
    Namespaces(#[from] NamespacesError),
    /// Namespaces of a container that runs.
    #[error(transparent)]
    Enter(#[from] EnterError),
}

impl Diagnose for InsideError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Namespaces | Enter)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            // What docker makes of it: the command was not found, if its directory was not.
            Self::WorkingDirectory { errno: Errno::ENOENT | Errno::ENOTDIR, joins: true, .. } => {
                FailureKind::CommandNotFound
            }
            Self::WorkingDirectory { errno: Errno::EACCES, joins: true, .. } => FailureKind::CannotExecute,
            Self::Kernel { errno, .. } | Self::WorkingDirectory { errno, .. } => (*errno).into(),
            Self::OutsideRoot(_) => FailureKind::Invalid,
            Self::Namespaces(_) | Self::Enter(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::WorkingDirectory { errno: Errno::EACCES, .. } => Some("the container's user may not enter it".into()),
            Self::OutsideRoot(_) => Some("the image or the specification is hostile (CVE-2024-21626)".into()),
            _ => None,
        }
    }
}

pub(crate) fn failed(action: impl Into<String>) -> impl FnOnce(Errno) -> InsideError {
    let action = action.into();
    move |errno| InsideError::Kernel { action, errno }
}
