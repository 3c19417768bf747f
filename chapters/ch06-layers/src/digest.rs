//! A digest: the sha256 of some bytes, by which they are known. The digest of a layer's uncompressed archive is its name.
//!
//! It becomes the name of a file or directory, so that nothing but 64 digits may ever get that far (CVE-2024-3727).

use std::fmt::{self, Write};
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

const PREFIX: &str = "sha256:";
const DIGITS: usize = 64;

/// Not a digest. It would have become the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a digest")]
pub struct DigestError(String);

impl Diagnose for DigestError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some("a digest is sha256: and 64 digits of 0-9a-f".into())
    }
}

/// `sha256:` and 64 digits
/// ([OCI image specification](https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(String);

/// The name of a layer, as in an image configuration's `rootfs.diff_ids`
/// ([OCI image specification](https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid)).
pub type DiffId = Digest;

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(&Sha256::digest(bytes))
    }

    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// The digest that has these 64 digits.
    ///
    /// # Errors
    /// [`DigestError`].
    pub fn from_hex(hex: &str) -> Result<Self, DigestError> {
        format!("{PREFIX}{hex}").parse()
    }

    pub(crate) fn from_hash(hash: &[u8]) -> Self {
        Self(hash.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.strip_prefix(PREFIX) {
            Some(hex) if hex.len() == DIGITS && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Ok(Self(hex.into()))
            }
            _ => Err(DigestError(text.into())),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{}", self.0)
    }
}
