//! What goes wrong between us and a server: the request, and what became of it.

use std::fmt;
use std::io;

use process::{Diagnose, FailureKind};
use thiserror::Error;
use ureq::http::{Method, Uri};

use crate::dns::ResolverError;
use crate::tls::TlsError;
use crate::url::{LocationError, without_query};

/// A request without a usable answer.
#[derive(Debug, Error)]
#[error("{what}: {fault}")]
pub struct HttpError {
    /// `Get "https://reg.example/v2/"`, as docker says it.
    what: Asked,
    /// What came of it.
    pub(crate) fault: Fault,
}

/// A request, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked(String);

impl Asked {
    pub(crate) fn new(method: &Method, uri: &Uri) -> Self {
        let (first, rest) = method.as_str().split_at(1);
        Self(format!("{first}{} {:?}", rest.to_lowercase(), without_query(uri)))
    }

    pub(crate) fn failed(&self, fault: impl Into<Fault>) -> HttpError {
        HttpError { what: self.clone(), fault: fault.into() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What goes wrong.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    /// The host has no address.
    #[error(transparent)]
    Resolve(#[from] ResolverError),
    /// Nobody there, or gone in the middle.
    #[error("{0}")]
    Io(io::Error),
    /// Too slow.
    #[error("{0} timed out")]
    Timeout(&'static str),
    /// It does not speak TLS.
    #[error("http: server gave HTTP response to HTTPS client")]
    NotTls,
    /// It speaks TLS, and cannot prove who it is, or does not like us.
    #[error("tls: {0}")]
    Tls(rustls::Error),
    /// What we keep for TLS.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// More than anybody needs.
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
    /// Sent on to nowhere.
    #[error("redirected: {0}")]
    Location(#[from] LocationError),
    /// Sent on where we do not go.
    #[error("redirected to {to}: {reason}")]
    Redirect {
        /// The address.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// The proxy.
    #[error("proxy: {0}")]
    Proxy(String),
    /// Not HTTP.
    #[error("{0}")]
    Protocol(String),
}

impl Fault {
    /// Whether the same may go well a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Io(error) => {
                !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::AddrNotAvailable)
            }
            Self::Timeout(_) => true,
            _ => false,
        }
    }

    /// Whether the server may be one that speaks plain HTTP: it answered something else than TLS, or nobody is at TLS's port.
    pub(crate) fn speaks_of_plain(&self) -> bool {
        match self {
            Self::NotTls => true,
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::UnexpectedEof)
            }
            _ => false,
        }
    }
}

impl From<ureq::Error> for Fault {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => from_io(error),
            ureq::Error::Rustls(error) => from_tls(error),
            ureq::Error::Timeout(which) => Self::Timeout(match which {
                ureq::Timeout::Resolve => "the lookup",
                ureq::Timeout::Connect => "the connection",
                _ => "the answer",
            }),
            ureq::Error::ConnectionFailed => Self::Io(io::ErrorKind::ConnectionRefused.into()),
            ureq::Error::ConnectProxyFailed(reason) => Self::Proxy(reason),
            ureq::Error::InvalidProxyUrl => Self::Proxy("its address is wrong".into()),
            ureq::Error::Other(error) => match error.downcast::<ResolverError>() {
                Ok(error) => Self::Resolve(*error),
                Err(error) => Self::Protocol(error.to_string()),
            },
            error => Self::Protocol(error.to_string()),
        }
    }
}

/// Errors of TLS, and of the layers below us, travel inside of I/O errors.
pub(crate) fn from_io(error: io::Error) -> Fault {
    match error.downcast::<rustls::Error>() {
        Ok(error) => from_tls(error),
        Err(error) => match error.downcast::<ureq::Error>() {
            Ok(error) => error.into(),
            Err(error) => Fault::Io(error),
        },
    }
}

fn from_tls(error: rustls::Error) -> Fault {
    match error {
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Fault::NotTls,
        error => Fault::Tls(error),
    }
}

impl Diagnose for HttpError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match &self.fault {
            Fault::Resolve(error) => Some(error),
            Fault::Certificates(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match &self.fault {
            Fault::Resolve(_) | Fault::Certificates(_) => None,
            Fault::Tls(_) => Some(FailureKind::Denied),
            _ => Some(FailureKind::System),
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.fault {
            Fault::Tls(rustls::Error::InvalidCertificate(_)) => Some(
                "the authority that signed its certificate belongs into /etc/docker/certs.d/HOST[:PORT]/ca.crt".into(),
            ),
            Fault::NotTls => Some(
                "a registry without TLS has to be named in insecure-registries of /etc/mini-docker/config.toml".into(),
            ),
            Fault::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Some("is the server running, and is this its port?".into())
            }
            Fault::Timeout(_) => Some("behind a proxy? HTTPS_PROXY names one".into()),
            _ => None,
        }
    }
}
