//! Layers as they came, packed: which are kept, and which registries have them, too.

use std::collections::BTreeSet;

use layers::{Digest, DiskError};

use crate::blobs::total;
use crate::document::Descriptor;
use crate::image::Image;
use crate::reference::Reference;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table;

/// A layer of an image that a registry knows.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedLayer {
    /// What the registry calls it.
    pub blob: Descriptor,
    /// Whether its bytes are here, too.
    pub kept: bool,
    /// Images that have it, as registries name them: where to ask for it.
    pub names: Vec<Reference>,
}

impl ImageStore {
    /// The layers of all images that a registry knows, each once. An image without such a name is left out: nobody else has
    /// its layers.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn packed_layers(&self) -> Result<Vec<PackedLayer>, ImageStoreError> {
        let mut packed: Vec<PackedLayer> = Vec::new();
        for known in self.list()?.into_iter().filter(|known| !known.digests.is_empty()) {
            for blob in self.blobs_of(&known.image)? {
                if let Some(layer) = packed.iter_mut().find(|layer| layer.blob.digest == blob.digest) {
                    // Nothing twice: a layer may stand in one image more than once.
                    let more: Vec<_> =
                        known.digests.iter().filter(|name| !layer.names.contains(name)).cloned().collect();
                    layer.names.extend(more);
                } else {
                    let kept = self.blob_size(&blob.digest).is_some();
                    packed.push(PackedLayer { blob, kept, names: known.digests.clone() });
                }
            }
        }
        Ok(packed)
    }

    /// The layers of an image as its manifest names them; none if it has no manifest.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn blobs_of(&self, image: &Image) -> Result<Vec<Descriptor>, ImageStoreError> {
        Ok(self.manifest(image)?.map(|(_, _, manifest)| manifest.layers).unwrap_or_default())
    }

    /// Bytes of all that is kept as it came, and of what has not come whole.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn content_size(&self) -> Result<(u64, u64), DiskError> {
        Ok((self.blobs.total()?, total(&self.partial())?))
    }

    /// Bytes that these images have of that: manifests, configurations, packed layers, each once.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn content_of<'i>(&self, images: impl IntoIterator<Item = &'i Image>) -> Result<u64, ImageStoreError> {
        let mut blobs = BTreeSet::new();
        for image in images {
            blobs.insert(image.id.parse::<Digest>()?);
            if let Some((descriptor, _, manifest)) = self.manifest(image)? {
                blobs.insert(descriptor.digest);
                blobs.extend(manifest.layers.into_iter().map(|layer| layer.digest));
            }
        }
        Ok(blobs.iter().filter_map(|digest| self.blob_size(digest)).sum())
    }

    /// Removes the bytes of a packed layer, which stays unpacked. What it unpacks to is remembered, so that a pull does not
    /// ask for it again; who needs its bytes [fetches](crate::Ingest::blob) them. How many bytes that were.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn drop_blob(&self, digest: &Digest) -> Result<u64, DiskError> {
        let _lock = table::lock(self.directory())?;
        let bytes = self.blob_size(digest).unwrap_or(0);
        self.blobs.drop_bytes(digest)?;
        Ok(bytes)
    }
}
