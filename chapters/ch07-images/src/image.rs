//! An image, as its configuration describes it.

use layers::{DiffId, Digest};

use crate::config::ImageConfig;
use crate::document::Descriptor;
use crate::reference::Reference;

/// How many digits of an id people see.
const SHORT: usize = 12;

/// An image that is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The digest of the configuration, `sha256:…`: the same here, in a registry and in an archive.
    pub id: String,
    /// What it has and does.
    pub config: ImageConfig,
}

impl Image {
    /// The id as people see it.
    pub fn short_id(&self) -> &str {
        let digits = self.id.strip_prefix("sha256:").unwrap_or(&self.id);
        digits.get(..SHORT).unwrap_or(digits)
    }

    /// Its layers, lowest first. What is no digest is left out: it is no layer that could be here.
    pub fn layers(&self) -> Vec<DiffId> {
        self.config.rootfs.diff_ids.iter().filter_map(|id| id.parse().ok()).collect()
    }
}

/// An image with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The image.
    pub image: Image,
    /// Its names with a tag, sorted.
    pub tags: Vec<Reference>,
    /// Its names with a digest: what a registry calls it.
    pub digests: Vec<Reference>,
    /// Its manifest; an image that was made here gets one when it is needed.
    pub manifest: Option<Descriptor>,
    /// The image that it was made from.
    pub parent: Option<Digest>,
    /// When it last got a name.
    pub tagged: Option<String>,
    /// Whether another image was made from it.
    pub has_children: bool,
}

impl Known {
    /// Whether it has no name and no use: an older image whose name went to a newer one.
    pub fn is_dangling(&self) -> bool {
        self.tags.is_empty() && !self.is_intermediate()
    }

    /// Whether it is only a step on the way to another one.
    pub fn is_intermediate(&self) -> bool {
        self.tags.is_empty() && self.digests.is_empty() && self.has_children
    }
}
