//! What goes wrong while an image comes in.

use std::io;

use layers::{Digest, DiskError, LayerError};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::document::DocumentError;
use crate::store_error::ImageStoreError;

/// An image did not come in. What was downloaded of it is there for the next one that tries.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The bytes are not those that were asked for.
    #[error("{expected} was expected, and what came has the digest {found}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Too few.
    #[error("{digest} has {size} bytes, and only {have} of them came")]
    Cut {
        /// What was asked for.
        digest: Digest,
        /// Bytes that came.
        have: u64,
        /// Bytes that it has.
        size: u64,
    },
    /// The layers are not those that the configuration speaks of.
    #[error("layer {layer} unpacks to {found}, and the configuration says {expected}")]
    DiffId {
        /// The blob.
        layer: Digest,
        /// By the configuration.
        expected: Digest,
        /// By the bytes.
        found: Digest,
    },
    /// Not even their number is.
    #[error("the manifest has {layers} layers, and the configuration {diff_ids}")]
    LayerCount {
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        diff_ids: usize,
    },
    /// The configuration is none.
    #[error("the image configuration is damaged: {0}")]
    Config(#[source] serde_json::Error),
    /// Something that the image needs was not handed in.
    #[error("{0} is not there")]
    Missing(String),
    /// A layer.
    #[error("layer {layer}: {source}")]
    Layer {
        /// Its blob.
        layer: Digest,
        /// The reason.
        source: LayerError,
    },
    /// An index or a manifest.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The store.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What came could not be written.
    #[error("write what came: {0}")]
    Write(#[from] io::Error),
}

impl IngestError {
    /// Whether the bytes are to blame, and other ones might do.
    pub fn is_about_the_content(&self) -> bool {
        match self {
            Self::Digest { .. } => true,
            Self::Layer { source, .. } => !source.is_about_the_disk(),
            _ => false,
        }
    }
}

impl Diagnose for IngestError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Layer { source, .. } => Some(source),
            _ => process::inner!(self, Document | Store | Disk),
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Document(_) | Self::Store(_) | Self::Disk(_) | Self::Layer { .. } => None,
            Self::Write(_) | Self::Cut { .. } => Some(FailureKind::System),
            _ => Some(FailureKind::Invalid),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Digest { .. } => Some("it was damaged on its way, or somebody changed it: try again".into()),
            Self::Cut { .. } => Some("try again: what came is kept".into()),
            Self::DiffId { .. } | Self::LayerCount { .. } => {
                Some("the image is hostile, or whoever made it made a mistake".into())
            }
            Self::Write(error) if error.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or keep the data root on another disk".into())
            }
            _ => None,
        }
    }
}
