//! What goes wrong with an archive of images.

use std::io;

use layers::{DiskError, LayerError};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::document::DocumentError;
use crate::ingest_error::IngestError;
use crate::store_error::ImageStoreError;

/// An archive could not be loaded. Nothing of it is here then.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It could not be read to its end.
    #[error("read the archive: {0}")]
    Read(#[source] io::Error),
    /// An entry that no honest archive has.
    #[error("the archive of images: {0}")]
    Entry(#[source] LayerError),
    /// Bytes of something else.
    #[error("it is not a tar archive")]
    NotTar,
    /// It has no list of images.
    #[error("the archive has no images in it: neither index.json nor manifest.json nor repositories")]
    NoImages,
    /// The tar of one root file system, it seems.
    #[error("the archive is that of a file system, and of no image")]
    FileSystem,
    /// Something that its list names is not in it.
    #[error("the archive names {0:?}, and does not have it")]
    Missing(String),
    /// A name that leads elsewhere, or a ring of links.
    #[error("the archive has a link at {0:?} that leads nowhere")]
    Link(String),
    /// More files than any honest one has.
    #[error("the archive has more than {0} files")]
    TooMany(usize),
    /// Names that no honest archive has.
    #[error("the archive has names that take more than {0} bytes of memory")]
    TooMuchToKeep(usize),
    /// A part that is read into memory.
    #[error("{0:?} in the archive is too large")]
    TooLarge(String),
    /// A list that is none.
    #[error("{name:?} in the archive is damaged: {source}")]
    Json {
        /// Which.
        name: String,
        /// The reason.
        source: serde_json::Error,
    },
    /// An index or a manifest.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// An image of it.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The store.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Diagnose for LoadError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Entry | Document | Ingest | Store | Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Entry(_) | Self::Document(_) | Self::Ingest(_) | Self::Store(_) | Self::Disk(_) => None,
            Self::Read(source) if source.kind() != io::ErrorKind::UnexpectedEof => Some(FailureKind::System),
            _ => Some(FailureKind::Invalid),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Some("the archive is cut off".into())
            }
            Self::FileSystem => Some("make an image of it: mini-docker import FILE NAME".into()),
            Self::NoImages | Self::NotTar => {
                Some("load takes what docker save, podman save or skopeo copy have written".into())
            }
            _ => None,
        }
    }
}
