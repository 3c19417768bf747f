//! Images that are not what they say.

use layers::{Cure, Digest, Fault, LayerStore};

use crate::store::ImageStore;
use crate::store_error::ImageStoreError;

const ANEW: Cure = Cure::ByHand("make or import the image anew");

impl ImageStore {
    /// Every name that stands for nothing, and every image that is damaged, or lacks a layer.
    ///
    /// # Errors
    /// [`ImageStoreError`]: what keeps from looking.
    pub fn check(&self, layers: &LayerStore) -> Result<Vec<Fault>, ImageStoreError> {
        let table = self.table()?;
        let mut faults = Vec::new();
        for (name, named) in &table.references {
            if !table.images.contains_key(&named.image) {
                let object = format!("image {}", name.familiar());
                faults.push(Fault::new(object, format!("there is no image {}", named.image), ANEW));
            }
        }
        for id in table.images.keys() {
            let object = format!("image {}", id.hex());
            let bytes = std::fs::read(self.blobs.path(id)).unwrap_or_default();
            let found = Digest::of(&bytes);
            if found != *id {
                faults.push(Fault::new(object, format!("its configuration has the digest {}", found.hex()), ANEW));
                continue;
            }
            let image = self.load(id)?;
            for layer in &image.config.rootfs.diff_ids {
                if !layer.parse().is_ok_and(|layer| layers.get(&layer).is_ok()) {
                    faults.push(Fault::new(&object, format!("its layer {layer} is not there"), ANEW));
                }
            }
        }
        Ok(faults)
    }
}
