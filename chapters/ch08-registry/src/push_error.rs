//! Why an image did not go, in docker's words.

use images::{Digest, ImageStoreError, IngestError, PackError};
use layers::DiskError;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::error::RegistryError;
use crate::pull_error::PullError;

/// A push failed.
#[derive(Debug, Error)]
pub enum PushError {
    /// Nothing has that name here.
    #[error("An image does not exist locally with the tag: {0}")]
    NoImage(String),
    /// It cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A layer is here unpacked only.
    #[error("{0} cannot be pushed: its layer {1} is not kept as it was packed, and the registry has not got it")]
    NoBlob(String, Digest),
    /// The same, and the registry that it came from does not give it.
    #[error("layer {0} is not kept as it was packed, and where it came from it cannot be fetched: {1}")]
    Dropped(Digest, Box<PullError>),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The manifest and the configuration do not agree.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The images that are here.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Diagnose for PushError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Dropped(_, source) = self {
            return Some(source.as_ref());
        }
        process::inner!(self, Registry | Pack | Ingest | Store | Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::NoImage(_) | Self::NoBlob(..) => Some(FailureKind::NotFound),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoImage(_) => {
                Some("see what there is: mini-docker image ls; mini-docker tag gives another name".into())
            }
            Self::NoBlob(..) => Some("pull it again, or import it anew".into()),
            _ => None,
        }
    }
}
