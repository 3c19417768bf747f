//! Indexes and manifests: the JSON between a name and its layers.
//!
//! The bytes are what has the digest: they are kept as they came, and never written anew. These structures are for reading
//! them, and keep what they do not know.

use std::collections::BTreeMap;

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::config::or_default;
use crate::media;
use crate::platform::Platform;
use layers::Digest;

/// Registries take no larger ones, and they are held in memory.
pub const LARGEST_DOCUMENT: u64 = 4 << 20;
/// Of layers in one manifest: docker and overlayfs stop far below.
const MOST_LAYERS: usize = 500;

/// What is behind a digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is; one of [`media`]'s.
    #[serde(default)]
    pub media_type: String,
    /// sha256 of the bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// For whom, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Descriptor {
    /// Of these bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Of bytes with this digest.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        }
    }
}

/// One image: a configuration, and the layers that it speaks of, as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2.
    pub schema_version: u32,
    /// Its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The configuration: its digest is the image's id.
    pub config: Descriptor,
    /// Lowest first.
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<Descriptor>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The same image for several platforms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2.
    pub schema_version: u32,
    /// Its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Manifests, and further indexes.
    #[serde(default, deserialize_with = "by_sha256")]
    pub manifests: Vec<Descriptor>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// An index may have entries for others, by digests that we cannot compare.
fn by_sha256<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Descriptor>, D::Error> {
    let is_for_others = |entry: &Value| {
        let digest = entry.get("digest").and_then(Value::as_str).and_then(|digest| digest.split_once(':'));
        digest.is_some_and(|(algorithm, _)| algorithm != "sha256")
    };
    let entries: Vec<Value> = or_default(from)?;
    let ours = entries.into_iter().filter(|entry| !is_for_others(entry));
    ours.map(|entry| serde_json::from_value(entry).map_err(serde::de::Error::custom)).collect()
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// Several images.
    Index(Index),
    /// One.
    Manifest(Manifest),
}

/// Why some bytes are no index and no manifest, or none for us.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// Larger than any honest one.
    #[error("the manifest has {0} bytes, and at most {LARGEST_DOCUMENT} are read")]
    TooLarge(u64),
    /// Not JSON, or not what it should say.
    #[error("the manifest is damaged: {0}")]
    Json(#[from] serde_json::Error),
    /// Docker's first: each layer has a configuration of its own, and no digest is of anything that is kept.
    #[error("the manifest is of schema {0}, and only schema 2 is supported")]
    Schema(u64),
    /// Something else.
    #[error("a manifest of type {0:?} is not supported")]
    Type(String),
    /// It is an index for one reader, and a manifest for another (CVE-2021-41190).
    #[error("the manifest says that it is {0:?}, and has fields of something else")]
    Ambiguous(String),
    /// A chart, a signature, a module: registries keep more than images.
    #[error("it is not an image: its configuration is of type {0:?}")]
    NotAnImage(String),
    /// What it calls a layer is none.
    #[error("a layer of type {0:?} is not supported")]
    Layer(String),
    /// More than anybody can mount.
    #[error("the image has {0} layers, and at most {MOST_LAYERS} are supported")]
    TooManyLayers(usize),
    /// The registry, or an archive, gave something else than was asked for.
    #[error("{expected} was expected, and came with {found}")]
    Mismatch {
        /// The digest.
        expected: Digest,
        /// What is wrong: the digest or the size.
        found: String,
    },
    /// None of its images runs here.
    #[error("no image for {wanted} in it; there are: {offered}")]
    Platform {
        /// What was looked for.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// Indexes in indexes in indexes.
    #[error("its indexes are nested more than {0} deep")]
    Nested(usize),
}

impl Diagnose for DocumentError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Schema(_) | Self::Type(_) | Self::NotAnImage(_) | Self::Layer(_) => FailureKind::Unsupported,
            Self::Platform { .. } => FailureKind::NotFound,
            _ => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Schema(1) => Some("the image is very old: pull and push it again with a newer tool".into()),
            Self::Platform { offered, .. } if !offered.is_empty() => {
                let first = offered.split(", ").next().unwrap_or_default();
                Some(format!("ask for another one: --platform {first}"))
            }
            Self::Mismatch { .. } => Some("it was damaged on its way, or somebody changed it: try again".into()),
            _ => None,
        }
    }
}

/// What decides which of the two it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    #[serde(default)]
    schema_version: u64,
    media_type: Option<String>,
    config: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    fs_layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

impl Document {
    /// Reads one. `media_type` is what its descriptor or the registry says of it.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn parse(bytes: &[u8], media_type: Option<&str>) -> Result<Self, DocumentError> {
        if bytes.len() as u64 > LARGEST_DOCUMENT {
            return Err(DocumentError::TooLarge(bytes.len() as u64));
        }
        let probe: Probe = serde_json::from_slice(bytes)?;
        if probe.fs_layers.is_some() || probe.schema_version == 1 {
            return Err(DocumentError::Schema(1));
        }
        if probe.schema_version != 2 {
            return Err(DocumentError::Schema(probe.schema_version));
        }
        // Its own word comes first. Some registries send "application/json", some descriptors none.
        let known = |kind: &&str| media::is_index(kind) || media::is_manifest(kind);
        let said = probe.media_type.as_deref();
        let kind = match (said, media_type.filter(known)) {
            (Some(own), Some(other)) if media::is_index(own) != media::is_index(other) => {
                return Err(DocumentError::Ambiguous(other.into()));
            }
            (Some(own), _) => own,
            (None, Some(other)) => other,
            (None, None) if probe.manifests.is_some() => media::OCI_INDEX,
            (None, None) => media::OCI_MANIFEST,
        };
        let (of_index, of_manifest) = (probe.manifests.is_some(), probe.config.is_some() || probe.layers.is_some());
        match kind {
            _ if media::is_index(kind) && !of_manifest => Ok(Self::Index(serde_json::from_slice(bytes)?)),
            _ if media::is_manifest(kind) && !of_index => {
                let manifest: Manifest = serde_json::from_slice(bytes)?;
                manifest.check()?;
                Ok(Self::Manifest(manifest))
            }
            _ if known(&kind) => Err(DocumentError::Ambiguous(kind.into())),
            other => Err(DocumentError::Type(other.into())),
        }
    }

    /// What the bytes are, for a descriptor of them.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Index(index) => index.media_type.as_deref().unwrap_or(media::OCI_INDEX),
            Self::Manifest(manifest) => manifest.media_type.as_deref().unwrap_or(media::OCI_MANIFEST),
        }
    }
}

impl Manifest {
    /// A new one, in OCI's types.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        let media_type = Some(media::OCI_MANIFEST.into());
        Self { schema_version: 2, media_type, config, layers, other: BTreeMap::new() }
    }

    fn check(&self) -> Result<(), DocumentError> {
        if !media::is_config(&self.config.media_type) {
            return Err(DocumentError::NotAnImage(self.config.media_type.clone()));
        }
        if self.config.size > LARGEST_DOCUMENT {
            return Err(DocumentError::TooLarge(self.config.size));
        }
        if self.layers.len() > MOST_LAYERS {
            return Err(DocumentError::TooManyLayers(self.layers.len()));
        }
        match self.layers.iter().find(|layer| !media::is_layer(&layer.media_type)) {
            Some(other) => Err(DocumentError::Layer(other.media_type.clone())),
            None => Ok(()),
        }
    }
}

impl Index {
    /// The entry that suits `platform` best: the newest that it runs, and of several the first. What attestations have in
    /// place of a platform suits nobody.
    ///
    /// # Errors
    /// [`DocumentError::Platform`].
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor, DocumentError> {
        self.best(platform).ok_or_else(|| {
            let images = self.manifests.iter().filter(|entry| !is_attestation(entry));
            let mut offered: Vec<String> =
                images.filter_map(|entry| Some(entry.platform.as_ref()?.to_string())).collect();
            offered.dedup();
            DocumentError::Platform { wanted: platform.to_string(), offered: offered.join(", ") }
        })
    }

    // ANCHOR: best
    fn best(&self, platform: &Platform) -> Option<&Descriptor> {
        // ANCHOR: ex_platform
        let images = || self.manifests.iter().filter(|entry| !is_attestation(entry));
        let suits = |entry: &&Descriptor| platform.distance(entry.platform.as_ref()?);
        let best = images().filter(|entry| suits(entry).is_some()).min_by_key(suits);
        // Who names no platform has but one image, or an index of some.
        best.or_else(|| images().find(|entry| entry.platform.is_none()))
        // ANCHOR_END: ex_platform
    }
    // ANCHOR_END: best
}

fn is_attestation(entry: &Descriptor) -> bool {
    entry.platform.as_ref().is_some_and(Platform::is_unknown)
        || entry.annotations.contains_key("vnd.docker.reference.type")
}

/// Checks bytes against what was said of them.
///
/// # Errors
/// [`DocumentError::Mismatch`], [`DocumentError::TooLarge`].
pub fn verify(descriptor: &Descriptor, bytes: &[u8]) -> Result<(), DocumentError> {
    let wrong = |found| DocumentError::Mismatch { expected: descriptor.digest.clone(), found };
    // ANCHOR: verify
    if bytes.len() as u64 != descriptor.size {
        return Err(wrong(format!("{} bytes instead of {}", bytes.len(), descriptor.size)));
    }
    let found = Digest::of(bytes);
    if found == descriptor.digest { Ok(()) } else { Err(wrong(format!("the digest {found}"))) }
    // ANCHOR_END: verify
}
