//! Images that are not what they say.

use layers::{Cure, DiffId, Fault, LayerStore};
use sha2::{Digest, Sha256};

use crate::store::{ImageStore, ImageStoreError};

const ANEW: Cure = Cure::ByHand("make or import the image anew");

impl ImageStore {
    /// Every name that stands for nothing, and every image that is damaged, or lacks a layer.
    ///
    /// # Errors
    /// [`ImageStoreError`]: what keeps from looking.
    pub fn check(&self, layers: &LayerStore) -> Result<Vec<Fault>, ImageStoreError> {
        let mut faults = Vec::new();
        for (name, id) in self.names()? {
            if self.load(&id).is_err() {
                faults.push(Fault::new(format!("image {name}"), format!("there is no image {id}"), ANEW));
            }
        }
        for digits in self.ids()? {
            let object = format!("image {digits}");
            let bytes = std::fs::read(self.config_path(&digits)).unwrap_or_default();
            let found = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            if found != digits {
                faults.push(Fault::new(object, format!("its configuration has the digest {found}"), ANEW));
                continue;
            }
            let image = self.load(&digits)?;
            for id in image.config.rootfs.diff_ids {
                if !id.parse::<DiffId>().is_ok_and(|id| layers.get(&id).is_ok()) {
                    faults.push(Fault::new(&object, format!("its layer {id} is not there"), ANEW));
                }
            }
        }
        Ok(faults)
    }
}
