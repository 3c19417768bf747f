//! What goes wrong between us and a registry.

use std::time::Duration;

use process::{Diagnose, FailureKind};
use thiserror::Error;
use ureq::http::StatusCode;

use crate::answer::Refusal;
use crate::credentials::CredentialsError;
use crate::fault::HttpError;
use crate::settings::SettingsError;

/// Why a registry did not do what it was asked.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Our credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The administrator's file.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It said no.
    #[error("{what}: {refusal}")]
    Refused {
        /// The request.
        what: String,
        /// Its words.
        refusal: Refusal,
    },
    /// It wants to know who we are, in a way that we do not know, or does not believe us.
    #[error("{what}: {reason}")]
    Unauthorized {
        /// The request.
        what: String,
        /// What it said, or what is missing.
        reason: String,
    },
    /// It wants a user and a password, and there are none for it.
    #[error("{what}: no basic auth credentials")]
    NoCredentials {
        /// The request.
        what: String,
    },
    /// It wants to be left alone for a while.
    #[error("{what}: {refusal}")]
    TooMany {
        /// The request.
        what: String,
        /// Its words.
        refusal: Refusal,
        /// How long, if it says so.
        after: Option<Duration>,
    },
    /// An answer that is none.
    #[error("{what}: {reason}")]
    Answer {
        /// The request.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Credentials that a registry does not take.
    #[error("{0}")]
    Login(String),
    /// Not the host of a registry.
    #[error("{0:?} is not the host of a registry")]
    Host(String),
    /// An address that says who asks, for this host.
    #[error("{0}: user and password in an address are not supported")]
    User(String),
}

impl RegistryError {
    /// What a refusal says, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::TooMany { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.status == StatusCode::NOT_FOUND)
    }
}

impl Diagnose for RegistryError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Http | Credentials | Settings)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Http(_) | Self::Credentials(_) | Self::Settings(_) => return None,
            Self::Refused { refusal, .. } => match refusal.status {
                StatusCode::NOT_FOUND => FailureKind::NotFound,
                StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => FailureKind::Denied,
                StatusCode::BAD_REQUEST => FailureKind::Invalid,
                _ => FailureKind::System,
            },
            Self::Unauthorized { .. } | Self::NoCredentials { .. } | Self::Login(_) => FailureKind::Denied,
            Self::TooMany { .. } | Self::Answer { .. } => FailureKind::System,
            Self::Host(_) | Self::User(_) => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { .. } | Self::NoCredentials { .. } => Some("say who you are: mini-docker login".into()),
            Self::TooMany { after, .. } => {
                let after = after.map(|after| format!("in {} s, ", after.as_secs())).unwrap_or_default();
                Some(format!(
                    "try again {after}log in for a higher limit (mini-docker login), or name a mirror in registry-mirrors \
                     of /etc/mini-docker/config.toml"
                ))
            }
            Self::Refused { refusal, .. }
                if matches!(refusal.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) =>
            {
                Some("say who you are: mini-docker login".into())
            }
            Self::User(_) => Some("let curl say them: curl -u USER ADDRESS | mini-docker import - NAME".into()),
            _ => None,
        }
    }
}
