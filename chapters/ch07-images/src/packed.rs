//! Layers as they came, packed: which are kept, and which registries have them, too.

use std::collections::{BTreeMap, BTreeSet};

use layers::{DiffId, Digest, DiskError};

use crate::blobs::total;
use crate::document::Descriptor;
use crate::image::Image;
use crate::ingest::needed;
use crate::media;
use crate::reference::Reference;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table;

/// A layer of an image that a registry knows.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedLayer {
    /// What the registry calls it.
    pub blob: Descriptor,
    /// What it unpacks to, if that was ever seen.
    pub diff_id: Option<DiffId>,
    /// Whether its bytes are here, too.
    pub kept: bool,
    /// Images that have it, as registries name them: where to ask for it.
    pub names: Vec<Reference>,
}

impl ImageStore {
    /// The layers of all images that a registry knows, each once. A layer that none knows is left out: nobody else has it.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn packed_layers(&self) -> Result<Vec<PackedLayer>, ImageStoreError> {
        let mut packed: BTreeMap<Digest, PackedLayer> = BTreeMap::new();
        for known in self.list()? {
            for blob in self.blobs_of(&known.image)? {
                let digest = blob.digest.clone();
                let layer = packed.entry(digest).or_insert_with(|| self.packed_layer(blob));
                // Nothing twice: a layer may stand in one image more than once.
                let more: Vec<_> = known.digests.iter().filter(|name| !layer.names.contains(name)).cloned().collect();
                layer.names.extend(more);
            }
        }
        Ok(packed.into_values().filter(|layer| !layer.names.is_empty()).collect())
    }

    /// With what is known of it when no image says where it is from.
    fn packed_layer(&self, blob: Descriptor) -> PackedLayer {
        let kept = self.blob_size(&blob.digest).is_some();
        let names = if kept { Vec::new() } else { self.blobs.sources(&blob.digest) };
        PackedLayer { diff_id: self.blobs.diff_of(&blob.digest), kept, names, blob }
    }

    /// The layers of an image whose packed bytes are not here, and that a registry has. An image that was made here names no
    /// blobs: then those that are packed below others.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn dropped_of(&self, image: &Image) -> Result<Vec<PackedLayer>, ImageStoreError> {
        let own: BTreeSet<Digest> = self.blobs_of(image)?.into_iter().map(|blob| blob.digest).collect();
        let mut missing = BTreeSet::new();
        if own.is_empty() {
            let kept = self.kept(image)?.into_iter();
            missing.extend(kept.filter(|(_, kept)| kept.is_none()).map(|(diff_id, _)| diff_id));
        } else if own.iter().all(|digest| self.blob_size(digest).is_some()) {
            return Ok(Vec::new());
        }
        let mut dropped = self.packed_layers()?;
        dropped.retain(|layer| {
            let stands_below = layer.diff_id.as_ref().is_some_and(|diff_id| missing.contains(diff_id));
            !layer.kept && (own.contains(&layer.blob.digest) || stands_below)
        });
        Ok(dropped)
    }

    /// The packed bytes of the image's layers, as far as they are here: under the digest that its manifest says, or under that
    /// of another image with the same layer, or as an archive that is not compressed.
    pub(crate) fn kept(&self, image: &Image) -> Result<Vec<(DiffId, Option<Descriptor>)>, ImageStoreError> {
        let mut blobs = BTreeMap::new();
        self.add_kept(image, &mut blobs, |_, _| true)?;
        if image.layers().iter().any(|layer| !blobs.contains_key(layer)) {
            // What was committed stands on the layers of its parent, which has a manifest. But what any image says of a layer is
            // believed only where it was seen.
            let seen = |layer: &DiffId, blob: &Digest| self.blobs.diff_of(blob).as_ref() == Some(layer);
            for known in self.list()? {
                self.add_kept(&known.image, &mut blobs, seen)?;
            }
        }
        let archive = |id: &DiffId| Some(Descriptor::new(media::OCI_LAYER, id.clone(), self.blob_size(id)?));
        let of = |id: DiffId| (id.clone(), blobs.get(&id).cloned().or_else(|| archive(&id)));
        Ok(image.layers().into_iter().map(of).collect())
    }

    fn add_kept(
        &self,
        image: &Image,
        blobs: &mut BTreeMap<DiffId, Descriptor>,
        believed: impl Fn(&DiffId, &Digest) -> bool,
    ) -> Result<(), ImageStoreError> {
        for (layer, blob) in image.layers().into_iter().zip(self.blobs_of(image)?) {
            if self.blob_size(&blob.digest) == Some(blob.size) && believed(&layer, &blob.digest) {
                blobs.entry(layer).or_insert(blob);
            }
        }
        Ok(())
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
    /// ask for it again; and where it is, for who needs its bytes and [fetches](crate::Ingest::blob) them. How many bytes that
    /// were; none if somebody needs them at this moment.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn drop_blob(&self, layer: &PackedLayer) -> Result<Option<u64>, ImageStoreError> {
        let digest = &layer.blob.digest;
        let _lock = table::lock(self.directory())?;
        let (Some(bytes), Some(diff_id)) = (self.blob_size(digest), &layer.diff_id) else { return Ok(None) };
        if needed(self)?.contains(digest) {
            return Ok(None);
        }
        self.blobs.remember_with(digest, diff_id, &layer.names)?;
        self.blobs.drop_bytes(digest)?;
        Ok(Some(bytes))
    }
}
