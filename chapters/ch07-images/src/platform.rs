//! What a program needs to run: an operating system, a processor, and which of its generations.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::config::{ImageConfig, go_architecture};

/// `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// In Go's words: `amd64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v7`, of those architectures that have some.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Not a platform.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a platform")]
pub struct PlatformError(String);

impl Diagnose for PlatformError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some("platforms look like linux/amd64 or linux/arm/v7".into())
    }
}

impl Platform {
    /// This machine's.
    pub fn host() -> Self {
        Self { architecture: go_architecture().into(), os: "linux".into(), ..Self::default() }.normal()
    }

    /// An image's.
    pub fn of(config: &ImageConfig) -> Self {
        let variant = config.other.get("variant").and_then(Value::as_str).unwrap_or_default();
        Self {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            variant: variant.into(),
            ..Self::default()
        }
    }

    /// Whether it is what attestations have in place of a platform.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }

    /// How well programs for `offered` run here: 0 best, `None` not at all.
    // ANCHOR: distance
    pub fn distance(&self, offered: &Self) -> Option<usize> {
        let (wanted, offered) = (self.clone().normal(), offered.clone().normal());
        if (&wanted.os, &wanted.architecture) != (&offered.os, &offered.architecture) {
            return None;
        }
        // A processor runs what was made for its predecessors.
        let (wanted, offered) = (generation(&wanted.variant), generation(&offered.variant));
        wanted.checked_sub(offered)
    }
    // ANCHOR_END: distance

    /// The same in one of the ways in which it can be written.
    #[must_use]
    fn normal(mut self) -> Self {
        let architecture = self.architecture.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), self.variant.as_str()) {
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("i386" | "i486" | "i586" | "i686", _) => ("386", ""),
            ("aarch64", "8" | "v8" | "") | ("arm64", "" | "8") => ("arm64", "v8"),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "") => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            (other, variant) => (other, variant),
        };
        // The first of each needs no name.
        let variant = match (architecture, variant) {
            ("amd64", "" | "v1") => "v1",
            (_, other) => other,
        };
        let variant = if variant.bytes().next().is_some_and(|first| first.is_ascii_digit()) {
            format!("v{variant}")
        } else {
            variant.to_owned()
        };
        (self.os, self.architecture) = (self.os.to_ascii_lowercase(), architecture.to_owned());
        self.variant = variant;
        self
    }
}

fn generation(variant: &str) -> usize {
    variant.strip_prefix('v').and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let word = |word: &&str| {
            word.starts_with(|first: char| first.is_ascii_alphanumeric())
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        if !parts.iter().all(word) {
            return Err(PlatformError(text.into()));
        }
        let (os, architecture, variant) = match parts.as_slice() {
            [os @ ("linux" | "windows" | "darwin" | "freebsd")] => (*os, go_architecture(), ""),
            [architecture] => ("linux", *architecture, ""),
            [os, architecture] => (*os, *architecture, ""),
            [os, architecture, variant] => (*os, *architecture, *variant),
            _ => return Err(PlatformError(text.into())),
        };
        Ok(Self { architecture: architecture.into(), os: os.into(), variant: variant.into(), ..Self::default() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(out, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect(text)
    }

    #[test]
    fn a_processor_runs_what_its_predecessors_run() {
        let cases = [
            ("linux/amd64", "linux/amd64", Some(0)),
            ("linux/amd64", "linux/amd64/v3", None),
            ("linux/amd64/v3", "linux/amd64", Some(2)),
            ("linux/x86_64", "linux/amd64/v1", Some(0)),
            ("linux/amd64", "windows/amd64", None),
            ("linux/arm64", "linux/aarch64", Some(0)),
            ("linux/arm64", "linux/arm64/v8", Some(0)),
            ("linux/arm/v7", "linux/arm/v6", Some(1)),
            ("linux/arm/v6", "linux/arm/v7", None),
            ("linux/arm", "linux/arm/v7", Some(0)),
            ("linux/arm/7", "linux/arm/v5", Some(2)),
            ("linux/386", "linux/i686", Some(0)),
            ("amd64", "linux/amd64", Some(0)),
        ];
        for (here, offered, distance) in cases {
            assert_eq!(platform(here).distance(&platform(offered)), distance, "{offered} on {here}");
        }
    }

    #[test]
    fn what_is_no_platform_is_named() {
        for text in ["", "/", "linux/", "linux/amd64/v1/x", "linux/am d64", "../etc"] {
            assert_eq!(text.parse::<Platform>(), Err(PlatformError(text.into())));
        }
    }
}
