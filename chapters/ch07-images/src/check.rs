//! Images that are not what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;

use layers::{Cure, DiffId, Digest, DiskError, Fault, Hashing, LayerStore};

use crate::ingest;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table::Table;

const ANEW: Cure = Cure::ByHand("pull, make or import the image anew");

impl ImageStore {
    /// Every blob whose bytes are others than its name says, every name that stands for nothing, and every image that is
    /// damaged, or lacks a layer.
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
        let documents = documents(&table);
        let damaged = self.damaged()?;
        for digest in damaged.iter().filter(|digest| !documents.contains(digest)) {
            // A layer's, or nobody's: who needs it fetches or packs it again.
            let cure = Cure::Remove(self.blobs.path(digest));
            faults.push(Fault::new(format!("blob {}", digest.hex()), "its bytes have another digest", cure));
        }
        let mut missing = BTreeMap::new();
        for (id, row) in &table.images {
            let object = format!("image {}", id.hex());
            let is_lost = |digest: &Digest| damaged.contains(digest) || self.blobs.size(digest).is_none();
            if is_lost(id) {
                faults.push(Fault::new(object, "its configuration is damaged", ANEW));
                continue;
            }
            if row.manifest.as_ref().is_some_and(|manifest| is_lost(&manifest.digest)) {
                faults.push(Fault::new(&object, "its manifest is damaged", ANEW));
            }
            let image = self.load(id)?;
            for layer in &image.config.rootfs.diff_ids {
                match layer.parse::<DiffId>() {
                    Ok(layer) if layers.get(&layer).is_ok() => {}
                    Ok(layer) => drop(missing.entry(layer).or_insert(object.clone())),
                    Err(error) => faults.push(Fault::new(&object, error.to_string(), ANEW)),
                }
            }
        }
        for (layer, object) in missing {
            let blob = self.blob_of(&layer)?.filter(|blob| !damaged.contains(blob));
            let cure = blob.map_or(ANEW, |blob| Cure::Unpack(layer.clone(), self.blobs.path(&blob)));
            faults.push(Fault::new(object, format!("its layer {layer} is not there"), cure));
        }
        Ok(faults)
    }

    /// Blobs that have been changed. What somebody is taking in is not looked at.
    fn damaged(&self) -> Result<BTreeSet<Digest>, DiskError> {
        let under_way = ingest::needed(self)?;
        let mut damaged = BTreeSet::new();
        for digest in self.blobs.list()?.into_iter().filter(|digest| !under_way.contains(digest)) {
            let path = self.blobs.path(&digest);
            let Ok(mut file) = File::open(&path) else { continue };
            let mut hashing = Hashing::new(io::sink());
            io::copy(&mut file, &mut hashing).map_err(DiskError::at("read", path))?;
            if hashing.finish() != digest {
                damaged.insert(digest);
            }
        }
        Ok(damaged)
    }

    /// A blob that unpacks to this layer.
    fn blob_of(&self, layer: &DiffId) -> Result<Option<Digest>, DiskError> {
        let mut blobs = self.blobs.list()?.into_iter();
        Ok(blobs.find(|blob| self.blobs.diff_of(blob).as_ref() == Some(layer) && self.blobs.size(blob).is_some()))
    }
}

/// What images cannot do without.
fn documents(table: &Table) -> BTreeSet<Digest> {
    let manifests = table.images.values().filter_map(|row| row.manifest.as_ref());
    table.images.keys().cloned().chain(manifests.map(|manifest| manifest.digest.clone())).collect()
}
