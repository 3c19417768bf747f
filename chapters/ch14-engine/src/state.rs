//! What goes wrong with containers on disk, and what a name is.

use layers::DiskError;
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// What goes wrong with the containers' directories.
#[derive(Debug, Error)]
pub enum StateError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No container of that name or id.
    #[error("No such container: {0}")]
    NotFound(String),
    /// An id that several containers begin with.
    #[error("multiple IDs found with provided prefix: {0}")]
    Ambiguous(String),
    /// A name that is taken.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name."
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        id: String,
    },
    /// A name that is none.
    #[error("Invalid container name ({0}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")]
    BadName(String),
}

impl Diagnose for StateError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Disk(error) = self { Some(error) } else { None }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Disk(_) => None,
            Self::NotFound(_) => Some(FailureKind::NotFound),
            Self::NameTaken { .. } => Some(FailureKind::Conflict),
            Self::Ambiguous(_) | Self::BadName(_) => Some(FailureKind::Invalid),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some("see what there is: mini-docker ps -a".into()),
            Self::Ambiguous(_) => Some("give more digits".into()),
            _ => None,
        }
    }
}

/// The container that a discarded directory was of: whoever was to remove it was to remove its control group first. (What is
/// left of a layer looks the same, and there is no group of that name.)
pub(crate) fn id_of_discarded(path: &std::path::Path) -> Option<&str> {
    let (id, _) = path.file_name()?.to_str()?.split_once('-')?;
    (id.len() == 64 && id.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(id)
}

/// Docker's grammar.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() > 1
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}
