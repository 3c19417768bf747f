//! Why an image did not come, in docker's words.

use images::{DocumentError, ImageStoreError, IngestError};
use layers::DiskError;
use process::{Diagnose, FailureKind};
use thiserror::Error;
use ureq::http::StatusCode;

use crate::answer::Refusal;
use crate::error::RegistryError;

/// A pull failed.
#[derive(Debug, Error)]
pub enum PullError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It has the repository, and not this in it.
    #[error("manifest for {name} not found: {refusal}")]
    NoManifest {
        /// The image.
        name: String,
        /// Its words.
        refusal: Refusal,
    },
    /// It has no such repository.
    #[error("repository {name} not found: {refusal}")]
    NoRepository {
        /// The repository.
        name: String,
        /// Its words.
        refusal: Refusal,
    },
    /// It does not say whether it has it.
    #[error("pull access denied for {name}, repository does not exist or may require '{login}': {reason}")]
    Denied {
        /// The repository.
        name: String,
        /// The command that may help.
        login: String,
        /// Its words.
        reason: String,
    },
    /// What came is no image, or not for us.
    #[error("{name}: {source}")]
    Document {
        /// The image.
        name: String,
        /// The reason.
        source: DocumentError,
    },
    /// Within a transfer, before the name is known.
    #[error(transparent)]
    Nameless(#[from] DocumentError),
    /// It could not be kept.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The images that are here.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Diagnose for PullError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Document { source, .. } => Some(source),
            _ => process::inner!(self, Registry | Nameless | Ingest | Store | Disk),
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::NoManifest { .. } | Self::NoRepository { .. } => Some(FailureKind::NotFound),
            Self::Denied { .. } => Some(FailureKind::Denied),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoManifest { name, .. } => {
                let repository = name.rsplit_once(['@', ':']).map_or(name.as_str(), |(repository, _)| repository);
                Some(format!("see which tags there are: mini-docker search --list-tags {repository}"))
            }
            _ => None,
        }
    }
}

impl PullError {
    /// What a registry's refusal means for the image `name` of the repository `repository`.
    pub(crate) fn about(self, name: &str, repository: &str, domain: &str) -> Self {
        let denied = |reason: String| {
            let host = if domain == "docker.io" { String::new() } else { format!(" {domain}") };
            Self::Denied { name: repository.into(), login: format!("mini-docker login{host}"), reason }
        };
        match self {
            Self::Registry(RegistryError::Refused { refusal, .. }) if refusal.has("MANIFEST_UNKNOWN") => {
                Self::NoManifest { name: name.into(), refusal }
            }
            Self::Registry(RegistryError::Refused { refusal, .. }) if refusal.has("NAME_UNKNOWN") => {
                Self::NoRepository { name: repository.into(), refusal }
            }
            // Of a layer that is missing the error speaks as it is.
            Self::Registry(RegistryError::Refused { what, refusal })
                if refusal.status == StatusCode::NOT_FOUND && what.rsplit('/').nth(1) == Some("manifests") =>
            {
                Self::NoManifest { name: name.into(), refusal }
            }
            Self::Registry(RegistryError::Refused { refusal, .. })
                if refusal.has("DENIED") || refusal.status == StatusCode::FORBIDDEN =>
            {
                denied(refusal.to_string())
            }
            Self::Registry(RegistryError::Unauthorized { reason, .. }) => denied(reason),
            Self::Nameless(source) => Self::Document { name: name.into(), source },
            other => other,
        }
    }

    /// Whether another server might do better.
    pub(crate) fn is_the_servers(&self) -> bool {
        match self {
            Self::Store(_) | Self::Disk(_) => false,
            Self::Ingest(error) => matches!(error, IngestError::Digest { .. } | IngestError::Cut { .. }),
            _ => true,
        }
    }
}
