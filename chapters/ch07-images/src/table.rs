//! The table of images: which there are, and what they are called. One file, so that an image and its names come and go
//! together, whenever we are killed.
//!
//! ```text
//! {"references": {"docker.io/library/busybox:latest": {"image": "sha256:…", "target": {…} or null}},
//!  "images": {"sha256:…": {"manifest": {…} or null, "parent": "sha256:…" or null, "tagged": "2026-…" or null}}}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use layers::{Digest, DiskError, Durability, Lock, Rank, read_json, write_json};
use serde::{Deserialize, Serialize};

use crate::document::Descriptor;
use crate::reference::Reference;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Table {
    /// By canonical name.
    pub(crate) references: BTreeMap<Reference, Named>,
    /// By id.
    pub(crate) images: BTreeMap<Digest, Row>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Named {
    /// The image.
    pub(crate) image: Digest,
    /// What a registry has under this name: an index, or the manifest itself.
    #[serde(default)]
    pub(crate) target: Option<Descriptor>,
}

/// What is known of an image besides its configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    /// Its manifest. An image that was made here has none until it is needed.
    pub(crate) manifest: Option<Descriptor>,
    /// What it was made from.
    pub(crate) parent: Option<Digest>,
    /// When it last got a name.
    pub(crate) tagged: Option<String>,
}

impl Table {
    /// Gives an image a name; which image had it before, if that was another.
    pub(crate) fn name(&mut self, reference: &Reference, image: &Digest, target: Option<Descriptor>) -> Option<Digest> {
        let before = self.references.insert(reference.clone().canonical(), Named { image: image.clone(), target });
        if let Some(row) = self.images.get_mut(image) {
            row.tagged = Some(jiff::Timestamp::now().to_string());
        }
        before.map(|named| named.image).filter(|before| before != image)
    }

    /// The names of an image, those with a tag first.
    pub(crate) fn names_of(&self, id: &Digest) -> (Vec<Reference>, Vec<Reference>) {
        let of = self.references.iter().filter(|(_, named)| named.image == *id).map(|(name, _)| name.clone());
        of.partition(|name| name.digest().is_none())
    }

    /// Images that others were made from.
    pub(crate) fn parents(&self) -> BTreeSet<&Digest> {
        self.images.values().filter_map(|row| row.parent.as_ref()).collect()
    }
}

/// Where it is.
pub(crate) fn path(images: &Path) -> PathBuf {
    images.join("images.json")
}

/// The table as it is now. To read it needs no lock: it is replaced whole.
pub(crate) fn read(images: &Path) -> Result<Option<Table>, DiskError> {
    read_json(&path(images))
}

/// Replaces it. Whoever does has the lock.
pub(crate) fn write(images: &Path, table: &Table, durability: Durability) -> Result<(), DiskError> {
    write_json(&path(images), table, durability)
}

/// Keeps everybody else from changing it, and from removing what it does not name.
pub(crate) fn lock(images: &Path) -> Result<Lock, DiskError> {
    Lock::wait(Rank::Images, images)
}
