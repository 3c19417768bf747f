//! Layers: what each takes, unpacked and packed, and how many images share it.

use std::collections::{BTreeMap, BTreeSet};

use images::Image;
use layers::DiffId;
use process::Failure;

use crate::engine::Engine;

/// One layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerUsage {
    /// Bytes of its files.
    pub unpacked: u64,
    /// Bytes of it as its registry packed it, as far as they are kept.
    pub packed: u64,
    /// How many images have it.
    pub images: usize,
}

impl Engine {
    /// What the layers of `images` take, and all others that are here.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn layer_usage<'i>(
        &self,
        images: impl IntoIterator<Item = &'i Image>,
    ) -> Result<BTreeMap<DiffId, LayerUsage>, Failure> {
        let with = |unpacked| LayerUsage { unpacked, ..LayerUsage::default() };
        let layers = self.layers().list()?.into_iter();
        let mut usage: BTreeMap<DiffId, LayerUsage> = layers.map(|layer| (layer.diff_id, with(layer.size))).collect();
        let mut packed = BTreeSet::new();
        for image in images {
            let layers = image.layers();
            for layer in layers.iter().collect::<BTreeSet<_>>() {
                usage.entry(layer.clone()).or_default().images += 1;
            }
            for (layer, blob) in layers.into_iter().zip(self.images_store().blobs_of(image)?) {
                // Two registries may pack one layer in two ways; then both are here.
                let size = self.images_store().blob_size(&blob.digest).unwrap_or(0);
                if packed.insert(blob.digest) {
                    usage.entry(layer).or_default().packed += size;
                }
            }
        }
        Ok(usage)
    }
}
