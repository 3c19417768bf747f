//! Images that come from a registry, and go to one.

use images::{Platform, Reference};
use process::Failure;
use registry::{Client, Pulled, Pushed, Stores};

use crate::engine::Engine;

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

    fn stores(&self) -> Stores<'_> {
        Stores { images: self.images_store(), layers: self.layers() }
    }
}
