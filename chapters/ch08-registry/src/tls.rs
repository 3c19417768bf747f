//! Whose certificates are believed: the system's roots, those that come with the program where there are none, and for each
//! registry what docker keeps in `/etc/docker/certs.d/HOST[:PORT]/`: `*.crt` are authorities, `NAME.cert` with `NAME.key` is
//! who we are.
//!
//! <https://docs.docker.com/engine/security/certificates/>

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use process::{Diagnose, FailureKind};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::host::{Authority, Trust};

/// Where docker looks.
pub(crate) const DIRECTORY: &str = "/etc/docker/certs.d";

/// Certificates that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file or directory.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not what its name says.
    #[error("{path}: {reason}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

impl Diagnose for TlsError {
    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Read { .. } => None,
            Self::Wrong { .. } => Some(FailureKind::Invalid),
        }
    }
}

/// How to meet `authority`. `directory` is docker's.
pub(crate) fn config(directory: &Path, authority: &Authority, trust: Trust) -> Result<TlsConfig, TlsError> {
    let own = Own::read(&directory.join(authority.to_string()))?;
    // Docker does the same: with an authority of its own, even a registry on this machine has to prove who it is.
    let unproven = trust != Trust::Certificate && own.authorities.is_empty();
    let mut roots = own.authorities;
    if !unproven {
        let native = rustls_native_certs::load_native_certs().certs;
        roots.extend(native.iter().map(|certificate| Certificate::from_der(certificate).to_owned()));
    }
    // Mozilla's, which come with the program.
    let built_in = roots.is_empty() && !unproven;
    let roots = if built_in { RootCerts::WebPki } else { RootCerts::Specific(Arc::new(roots)) };
    Ok(TlsConfig::builder().root_certs(roots).client_cert(own.identity).disable_verification(unproven).build())
}

/// What is kept for one registry.
#[derive(Default)]
struct Own {
    authorities: Vec<Certificate<'static>>,
    identity: Option<ClientCert>,
}

impl Own {
    fn read(directory: &Path) -> Result<Self, TlsError> {
        let mut own = Self::default();
        let mut names: Vec<PathBuf> = match fs::read_dir(directory) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(own);
            }
            Err(source) => return Err(TlsError::Read { path: directory.into(), source }),
        };
        names.sort();
        for path in names {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => {
                    let chain = certificates(&path)?;
                    own.authorities.extend(chain.iter().map(|one| Certificate::from_der(one).to_owned()));
                }
                Some("cert") if own.identity.is_none() => own.identity = Some(identity(&path)?),
                _ => {}
            }
        }
        Ok(own)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Wrong { path: path.into(), reason };
    let bytes = fs::read(path).map_err(|source| TlsError::Read { path: path.into(), source })?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() { Err(wrong("no certificate in it".into())) } else { Ok(chain) }
}

/// A certificate and the key beside it, which must be its own.
fn identity(path: &Path) -> Result<ClientCert, TlsError> {
    let chain = certificates(path)?;
    let key_path = path.with_extension("key");
    let wrong = |reason: String| TlsError::Wrong { path: key_path.clone(), reason };
    let bytes = fs::read(&key_path).map_err(|source| TlsError::Read { path: key_path.clone(), source })?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let signing = any_supported_type(&key).map_err(|error| wrong(error.to_string()))?;
    CertifiedKey::new(chain.clone(), signing).keys_match().map_err(|error| wrong(error.to_string()))?;
    let chain: Vec<_> = chain.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    let key = PrivateKey::from_pem(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
