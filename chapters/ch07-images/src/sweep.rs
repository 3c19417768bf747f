//! What nobody needs any more. Roots are images with their names, containers, and whoever takes something in.
//!
//! Everything happens with the lock of the table: who begins to need something says so first, with the same lock, so that
//! it is either seen here, or finds out that what it wanted is gone.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use layers::{DiffId, Digest, DiskError, Held, LayerStore};

use crate::document::{Descriptor, Document};
use crate::ingest;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table::{self, Table};

/// What a container needs.
#[derive(Debug, Clone)]
pub struct Use {
    /// Its id.
    pub container: String,
    /// Its image's id.
    pub image: String,
    /// The layers that it is mounted from.
    pub layers: Vec<DiffId>,
    /// Whether it runs, or is paused.
    pub running: bool,
}

/// Blobs and layers.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    blobs: BTreeSet<Digest>,
    layers: BTreeSet<DiffId>,
    /// Something could not be read: then nobody knows what it needs, and nothing goes.
    unknown: bool,
}

/// What went.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// Layers, out of sight, to be removed when the lock is free.
    pub(crate) layers: Vec<Held>,
    /// Bytes of blobs and layers.
    pub(crate) bytes: u64,
}

impl Needs {
    /// What the image `id` is made of.
    pub(crate) fn image(&mut self, store: &ImageStore, table: &Table, id: &Digest) {
        self.blobs.insert(id.clone());
        match store.load(id) {
            Ok(image) => self.layers.extend(image.layers()),
            Err(_) => self.unknown = true,
        }
        let targets =
            table.references.values().filter(|named| named.image == *id).filter_map(|named| named.target.as_ref());
        let manifest = table.images.get(id).and_then(|row| row.manifest.as_ref());
        for descriptor in targets.chain(manifest) {
            self.document(store, descriptor);
        }
    }

    fn document(&mut self, store: &ImageStore, descriptor: &Descriptor) {
        if !self.blobs.insert(descriptor.digest.clone()) {
            return;
        }
        let parsed = store.document(descriptor).map(|bytes| Document::parse(&bytes, Some(&descriptor.media_type)));
        match parsed {
            Ok(Ok(Document::Manifest(manifest))) => {
                self.blobs.insert(manifest.config.digest);
                self.blobs.extend(manifest.layers.into_iter().map(|layer| layer.digest));
            }
            // Of what it names, what is here has its own row.
            Ok(Ok(Document::Index(_))) => {}
            _ => self.unknown = true,
        }
    }

    // ANCHOR: everything
    fn everything(store: &ImageStore, table: &Table, uses: &[Use]) -> Result<Self, DiskError> {
        let mut needs = Self::default();
        // ANCHOR: ex_mark
        for id in table.images.keys() {
            needs.image(store, table, id);
        }
        for container in uses {
            needs.blobs.extend(container.image.parse());
            needs.layers.extend(container.layers.iter().cloned());
        }
        let claimed = ingest::needed(store)?;
        needs.blobs.extend(claimed.iter().cloned());
        needs.layers.extend(claimed);
        Ok(needs)
        // ANCHOR_END: ex_mark
    }
    // ANCHOR_END: everything
}

/// Removes those of `candidates` that the table, the containers and whoever takes something in do not need. To be called
/// with the lock, after the table was written.
pub(crate) fn sweep(
    store: &ImageStore,
    layers: &LayerStore,
    table: &Table,
    uses: &[Use],
    candidates: &Needs,
) -> Result<Swept, ImageStoreError> {
    // ANCHOR: sweep
    let needs = Needs::everything(store, table, uses)?;
    let mut swept = Swept::default();
    if needs.unknown {
        return Ok(swept);
    }
    for digest in candidates.blobs.difference(&needs.blobs) {
        process::fault!("remove a blob").map_err(DiskError::at("remove", store.blobs.path(digest)))?;
        swept.bytes += store.blobs.size(digest).unwrap_or(0);
        store.blobs.remove(digest)?;
    }
    for diff_id in candidates.layers.difference(&needs.layers) {
        process::fault!("remove a layer").map_err(DiskError::at("remove", diff_id.to_string()))?;
        swept.bytes += layers.get(diff_id).map_or(0, |layer| layer.size);
        swept.layers.extend(layers.discard(diff_id)?);
    }
    // ANCHOR_END: sweep
    Ok(swept)
}

/// Removes blobs that somebody has brought in vain. No container is made of what was not here before.
pub(crate) fn take_back(
    store: &ImageStore,
    layers: &LayerStore,
    blobs: BTreeSet<Digest>,
) -> Result<(), ImageStoreError> {
    let _lock = table::lock(store.directory())?;
    sweep(store, layers, &store.table()?, &[], &Needs { blobs, ..Needs::default() }).map(drop)
}

/// Everything that there is: what killed commands have left, too.
pub(crate) fn all(store: &ImageStore, layers: &LayerStore) -> Result<Needs, ImageStoreError> {
    let blobs = store.blobs.list()?.into_iter().collect();
    let layers = layers.list()?.into_iter().map(|layer| layer.diff_id).collect();
    Ok(Needs { blobs, layers, unknown: false })
}

/// Removes files that were being written when their writer was killed, some time ago: a younger one may still have one.
pub(crate) fn unfinished(store: &ImageStore) -> Result<(), DiskError> {
    const OLD: Duration = Duration::from_hours(1);
    for directory in store.blobs.directories() {
        for entry in fs::read_dir(directory).map_err(DiskError::at("read", directory))? {
            let entry = entry.map_err(DiskError::at("read", directory))?;
            let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
            if entry.file_name().as_encoded_bytes().starts_with(b".") && age.is_some_and(|age| age > OLD) {
                fs::remove_file(entry.path()).map_err(DiskError::at("remove", entry.path()))?;
            }
        }
    }
    Ok(())
}

/// Removes what has not arrived whole and what nobody is writing. How many bytes that were.
pub(crate) fn partial(store: &ImageStore) -> Result<u64, DiskError> {
    let directory = store.partial();
    let mut bytes = 0;
    for digest in crate::blobs::names(&directory)? {
        let path = directory.join(digest.hex());
        let Ok(file) = fs::File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            bytes += file.metadata().map_or(0, |metadata| metadata.len());
            fs::remove_file(&path).map_err(DiskError::at("remove", &path))?;
        }
    }
    Ok(bytes)
}
