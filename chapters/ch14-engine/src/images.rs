//! Commands on images: names, removal, archives. What containers need of them is said from here.

use std::io::{Read, Write};

use images::{Image, Known, Loaded, Platform, Reference, RemoveWish, Removed, Use};
use process::Failure;

use crate::engine::Engine;
use crate::events::{Event, EventKind};

impl Engine {
    /// The image with this name, id, or beginning of an id, with all that is known of it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn image(&self, text: &str) -> Result<Known, Failure> {
        Ok(self.images_store().look(text)?)
    }

    /// Bytes of its manifest, its configuration and its packed layers, as far as they are kept.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn content_size(&self, image: &Image) -> Result<u64, Failure> {
        Ok(self.images_store().content_of([image])?)
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn tag_image(&self, source: &str, target: &Reference) -> Result<(), Failure> {
        let image = self.images_store().find(source)?;
        self.images_store().tag(&image, target)?;
        self.tell_of_image("tag", &image.id, &target.familiar());
        Ok(())
    }

    /// Takes a name from an image, or all of them, and removes it if it has none left.
    ///
    /// # Errors
    /// [`Failure`]; then it is as it was.
    pub fn remove_image(&self, text: &str, wish: RemoveWish) -> Result<Vec<Removed>, Failure> {
        let id = self.images_store().find(text).map(|image| image.id).unwrap_or_default();
        let removed = self.images_store().remove(self.layers(), text, wish, || self.uses())?;
        self.tell_of_removal(&removed, &id);
        Ok(removed)
    }

    /// Removes images that nobody calls or, with `all`, uses; of those, what `wanted` says. And how many bytes that were.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn prune_images(&self, all: bool, wanted: impl Fn(&Known) -> bool) -> Result<(Vec<Removed>, u64), Failure> {
        let (removed, bytes) = self.images_store().prune(self.layers(), all, wanted, || self.uses())?;
        self.tell_of_removal(&removed, "");
        Ok((removed, bytes))
    }

    /// Writes images into an archive.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn save_images(&self, names: &[String], out: impl Write) -> Result<(), Failure> {
        Ok(self.images_store().save(self.layers(), names, out)?)
    }

    /// Loads all images of an archive, with `platform` only those for it.
    ///
    /// # Errors
    /// [`Failure`]; then none of them is here.
    pub fn load_images(&self, archive: impl Read, platform: Option<&Platform>) -> Result<Vec<Loaded>, Failure> {
        let loaded = self.images_store().load_archive(self.layers(), archive, platform)?;
        for Loaded { image, references, .. } in &loaded {
            let name = references.first().map_or_else(|| image.id.clone(), Reference::familiar);
            self.tell_of_image("load", &image.id, &name);
        }
        Ok(loaded)
    }

    /// What containers need.
    fn uses(&self) -> Result<Vec<Use>, Failure> {
        let of = |container: crate::saved::Container| Use {
            layers: container.saved.layers.iter().filter_map(|layer| layer.parse().ok()).collect(),
            running: container.state.status.is_alive(),
            image: container.saved.record.image,
            container: container.saved.id,
        };
        let mut containers = self.store().list()?;
        // Those of `run --rm` stand elsewhere, and need what they need.
        containers.extend(self.store().list_alive()?);
        containers.sort_by(|one, other| one.saved.id.cmp(&other.saved.id));
        containers.dedup_by(|one, other| one.saved.id == other.saved.id);
        Ok(containers.into_iter().map(of).collect())
    }

    pub(crate) fn tell_of_image(&self, action: &str, id: &str, name: &str) {
        self.journal().record(&[Event::new(EventKind::Image, action, id).with("name", name)]);
    }

    fn tell_of_removal(&self, removed: &[Removed], id: &str) {
        let events: Vec<Event> = removed
            .iter()
            .map(|removed| match removed {
                Removed::Untagged(name) => Event::new(EventKind::Image, "untag", id).with("name", name),
                Removed::Deleted(id) => Event::new(EventKind::Image, "delete", id.to_string()).with("name", id),
            })
            .collect();
        self.journal().record(&events);
    }
}
