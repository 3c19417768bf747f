//! What goes wrong with stored images.

use layers::{DigestError, DiskError, LayerError};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::document::DocumentError;
use crate::reference::ReferenceError;

/// An image could not be found, read, kept or removed.
#[derive(Debug, Error)]
pub enum ImageStoreError {
    /// No image of that name or id.
    #[error("No such image: {0}")]
    NotFound(String),
    /// Not a name, and not an id.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// An id that several images begin with.
    #[error("ambiguous image id {0:?}: {1} images begin with it")]
    Ambiguous(String, usize),
    /// A digest that is none, in a file of ours.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A manifest that is none, or not what its digest says.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Something that the table names is gone.
    #[error("{0} is not there")]
    Missing(String),
    /// What this image would be made of went while it was made.
    #[error("layer {0} was removed meanwhile")]
    Gone(String),
}

impl Diagnose for ImageStoreError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Reference | Digest | Document | Disk | Layer)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::NotFound(_) => Some(FailureKind::NotFound),
            Self::Ambiguous(..) | Self::Gone(_) => Some(FailureKind::Conflict),
            Self::Missing(_) => Some(FailureKind::System),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => {
                Some("see what there is: mini-docker image ls; make one: mini-docker image bootstrap busybox".into())
            }
            Self::Ambiguous(..) => Some("give more digits".into()),
            Self::Missing(_) => Some("the image is incomplete: pull or import it again".into()),
            Self::Gone(_) => Some("try again".into()),
            _ => None,
        }
    }
}
