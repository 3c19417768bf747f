//! Images that come from a registry, and go to one.

use images::{PackedLayer, Platform, Reference};
use process::Failure;
use registry::{Client, Pulled, Pushed, Stores};

use crate::engine::Engine;
use crate::prune::Pruned;

impl Engine {
    /// Sees to it that what `reference` names is here as its registry has it.
    ///
    /// # Errors
    /// [`Failure`]. What came is kept for the next one who asks.
    pub fn pull_image(&self, client: &Client, reference: &Reference, platform: &Platform) -> Result<Pulled, Failure> {
        let pulled = client.pull(self.stores(), reference, platform)?;
        self.tell_of_image("pull", &pulled.image.id, &reference.familiar());
        Ok(pulled)
    }

    /// Sees to it that its registry has what `reference` names here.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn push_image(&self, client: &Client, reference: &Reference) -> Result<Pushed, Failure> {
        let pushed = client.push(self.stores(), reference)?;
        let id = self.images_store().find(&reference.familiar())?.id;
        self.tell_of_image("push", &id, &reference.familiar());
        Ok(pushed)
    }

    /// All tags that are here of the repository of `reference`.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn tags_of(&self, reference: &Reference) -> Result<Vec<Reference>, Failure> {
        let known = self.images_store().list()?;
        let mut tags: Vec<Reference> = known.into_iter().flat_map(|known| known.tags).collect();
        tags.retain(|tag| tag.name() == reference.name());
        tags.sort();
        Ok(tags)
    }

    /// Drops the packed layers that the registry they came from still has, or only finds them. They stay unpacked.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn prune_blobs(&self, client: &Client, dry_run: bool) -> Result<Pruned, Failure> {
        let mut kept = self.images_store().packed_layers()?;
        // Without its files, it is the only way to have them again.
        let unpacked = |layer: &PackedLayer| layer.diff_id.as_ref().is_some_and(|id| self.layers().get(id).is_ok());
        kept.retain(|layer| layer.kept && unpacked(layer));
        let mut pruned = Pruned::default();
        for layer in client.still_has(&kept) {
            let dropped = if dry_run { Some(layer.blob.size) } else { self.images_store().drop_blob(layer)? };
            pruned.blobs.extend(dropped.map(|_| layer.blob.digest.clone()));
            pruned.bytes += dropped.unwrap_or(0);
        }
        Ok(pruned)
    }

    /// The layers of these images that are not kept as they were packed, and that a registry has.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn dropped_layers(&self, names: &[String]) -> Result<Vec<PackedLayer>, Failure> {
        Ok(self.images_store().dropped(names)?)
    }

    /// Fetches such a layer.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn fetch_layer(&self, client: &Client, layer: &PackedLayer) -> Result<(), Failure> {
        Ok(client.fetch_dropped(self.stores(), layer)?)
    }

    fn stores(&self) -> Stores<'_> {
        Stores { images: self.images_store(), layers: self.layers() }
    }
}
