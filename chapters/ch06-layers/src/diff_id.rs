//! The name of a layer: the sha256 of its uncompressed archive.
//!
//! It becomes the name of a directory, so that nothing but 64 digits may ever get that far (CVE-2024-3727).

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::LayerError;

const PREFIX: &str = "sha256:";
const DIGITS: usize = 64;

/// `sha256:` and 64 digits, as in an image configuration's `rootfs.diff_ids`
/// ([OCI image specification](https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DiffId(String);

impl DiffId {
    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_hash(hash: &[u8]) -> Self {
        Self(hash.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

impl FromStr for DiffId {
    type Err = LayerError;

    fn from_str(text: &str) -> Result<Self, LayerError> {
        match text.strip_prefix(PREFIX) {
            Some(hex) if hex.len() == DIGITS && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Ok(Self(hex.into()))
            }
            _ => Err(LayerError::Digest(text.into())),
        }
    }
}

impl TryFrom<String> for DiffId {
    type Error = LayerError;

    fn try_from(text: String) -> Result<Self, LayerError> {
        text.parse()
    }
}

impl From<DiffId> for String {
    fn from(id: DiffId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{}", self.0)
    }
}
