//! The image configuration: how to run what is in the layers.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/config.md>, with docker's additions. Fields that we do not
//! know are kept as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A whole image configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `amd64`, `arm64`, …
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    /// `linux`.
    #[serde(deserialize_with = "or_default")]
    pub os: String,
    /// Defaults for containers.
    #[serde(deserialize_with = "or_default")]
    pub config: ContainerConfig,
    /// The layers.
    #[serde(deserialize_with = "or_default")]
    pub rootfs: RootFs,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Layers, by the digest of their uncompressed tar, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `sha256:…` each. Docker leaves it out where there are none.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<String>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".into(), diff_ids: Vec::new() }
    }
}

/// What a container gets unless the command line says otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerConfig {
    /// `user[:group]`, names or numbers.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub user: String,
    /// `NAME=value` entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// Comes before the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The command, or its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub working_dir: String,
    /// How to find out whether it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthConfig>,
    /// What asks it to end, in place of `SIGTERM`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub stop_signal: String,
    /// What runs a command that is one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
    /// Everything else: labels, volumes, ports, …
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl ContainerConfig {
    /// What the image says of itself.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.other.get("Labels");
        labels.and_then(|labels| serde_json::from_value(labels.clone()).ok()).unwrap_or_default()
    }
}

/// A health check, as docker writes it, in images and in wishes. Spans are nanoseconds; 0 is docker's default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthConfig {
    /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", …]`; empty is the image's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// From the end of one probe to the start of the next.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// What one probe may take.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// How long after its start nothing is held against it.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// The interval in that time.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// How many probes have to fail in a row.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

impl HealthConfig {
    /// What it leaves open is as `image` has it.
    #[must_use]
    pub fn or(self, image: &Self) -> Self {
        let number = |own: i64, other: i64| if own == 0 { other } else { own };
        Self {
            test: if self.test.is_empty() { image.test.clone() } else { self.test },
            interval: number(self.interval, image.interval),
            timeout: number(self.timeout, image.timeout),
            start_period: number(self.start_period, image.start_period),
            start_interval: number(self.start_interval, image.start_interval),
            retries: number(self.retries, image.retries),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What is `null` is not there: programs in Go write it so.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl ImageConfig {
    /// A configuration for this machine's architecture, made at `created` (RFC 3339), with these layers.
    pub fn new(created: String, diff_ids: Vec<String>, config: ContainerConfig) -> Self {
        Self {
            created: Some(created),
            architecture: go_architecture().into(),
            os: "linux".into(),
            config,
            rootfs: RootFs { diff_ids, ..RootFs::default() },
            other: BTreeMap::new(),
        }
    }
}

/// Images name architectures as Go does.
pub fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
