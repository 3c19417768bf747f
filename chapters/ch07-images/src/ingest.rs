//! Taking an image in: a pull, a load or an import that is under way.
//!
//! All of it is on the disk before anything of it can be seen: blobs arrive under their digest, layers are unpacked out of
//! sight; then one `syncfs`, the layers get their names, and the table of images changes last and at once. Meanwhile a
//! directory that its maker holds says what is needed, so that nobody removes it; when he dies, it says nothing any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use layers::{DataRoot, DiffId, Digest, DiskError, Durability, Hashing, Held, LayerError, LayerStore, Staged};

use crate::config::ImageConfig;
use crate::document::{Descriptor, Document, DocumentError, Manifest, verify};
use crate::download::Download;
use crate::image::Image;
use crate::ingest_error::IngestError;
use crate::reference::Reference;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table::{self, Table};

/// What happened to a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// It was here, unpacked.
    Here,
    /// Its blob was here, and is unpacked now.
    Unpacked,
    /// It was downloaded.
    Downloaded,
}

/// One image that is complete.
#[derive(Debug, Clone)]
pub struct Install {
    /// Its manifest, which was [put](Ingest::put).
    pub manifest: Descriptor,
    /// What its names stand for in the registry: the manifest, or an index that was put.
    pub target: Descriptor,
    /// Its names. Besides a tag, a registry's image has one with the target's digest.
    pub references: Vec<Reference>,
}

#[derive(Debug, Default)]
struct Parts {
    staged: Vec<Staged>,
    /// What blobs unpack to.
    diffs: BTreeMap<Digest, DiffId>,
}

/// A pull, a load or an import that is under way. Several threads may use it.
#[derive(Debug)]
pub struct Ingest<'a> {
    store: &'a ImageStore,
    layers: &'a LayerStore,
    held: Held,
    parts: Mutex<Parts>,
}

impl ImageStore {
    /// Begins to take something in.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn ingest<'a>(&'a self, layers: &'a LayerStore) -> Result<Ingest<'a>, DiskError> {
        // Of those that were killed.
        needed(self)?;
        let held = self.root.held_in(&self.ingests())?;
        Ok(Ingest { store: self, layers, held, parts: Mutex::default() })
    }
}

impl Ingest<'_> {
    /// Says that these are needed: what of them is here stays here.
    ///
    /// # Errors
    /// [`IngestError::Disk`].
    pub fn claim<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> Result<(), IngestError> {
        let _lock = table::lock(self.store.directory())?;
        for digest in digests {
            let path = self.held.path().join(digest.hex());
            File::create(&path).map_err(DiskError::at("create", path))?;
        }
        Ok(())
    }

    /// Keeps an index, a manifest or a configuration.
    ///
    /// # Errors
    /// [`DocumentError::Mismatch`] if it is not what its descriptor says.
    pub fn put(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), IngestError> {
        verify(descriptor, bytes)?;
        self.claim([&descriptor.digest])?;
        // On the disk it will be with everything else.
        self.store.blobs.write(bytes, Durability::Death)?;
        Ok(())
    }

    /// Sees to it that a layer is here, whose blob is `blob` and whose name is to be `diff_id`. If it has to come from
    /// elsewhere, `fetch` is called: it asks for what is [missing](Download::have), and writes it. It is unpacked meanwhile.
    /// After an error, what has come is kept for the next one that asks.
    ///
    /// # Errors
    /// Those of `fetch`; [`IngestError`].
    pub fn layer<E: From<IngestError>>(
        &self,
        blob: &Descriptor,
        diff_id: &DiffId,
        fetch: impl FnOnce(&mut Download) -> Result<(), E>,
    ) -> Result<Fetched, E> {
        self.claim([&blob.digest, diff_id])?;
        let is_here = self.is_here(diff_id);
        let kept = self.store.blobs.size(&blob.digest);
        if is_here
            && kept.is_none_or(|size| size == blob.size)
            && self.unpacks_to(&blob.digest).as_ref() == Some(diff_id)
        {
            return Ok(Fetched::Here);
        }
        // A blob that was never seen to unpack may be one whose bytes a power failure has taken.
        if kept.is_some() {
            match self.unpack_kept(blob, diff_id) {
                Err(IngestError::Digest { .. }) => self.store.blobs.remove(&blob.digest).map_err(IngestError::from)?,
                other => return other.map(|()| Fetched::Unpacked).map_err(E::from),
            }
        }
        let opened = self.download(blob)?;
        let Some(mut download) = opened else {
            // By somebody else, while we waited.
            return self.unpack_kept(blob, diff_id).map(|()| Fetched::Unpacked).map_err(E::from);
        };
        let (follower, abandon) = (download.follow().map_err(IngestError::from)?, download.abandon());
        let (fetched, unpacked) = std::thread::scope(|scope| {
            let unpacking = scope.spawn(move || {
                let unpacked = self.unpack(follower, is_here);
                if unpacked.as_ref().is_err_and(|error| !is_about_the_bytes(error)) {
                    abandon();
                }
                unpacked
            });
            let end = download.end();
            let fetched = if download.have() < blob.size { fetch(&mut download) } else { Ok(()) };
            drop(end);
            (fetched, unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        match (fetched, unpacked) {
            // We ended it.
            (Err(_), Err(source)) if download.have() < blob.size && !is_about_the_bytes(&source) => {
                // Who goes on with such bytes, perhaps of an honest registry, would come to the same end.
                if !source.is_about_the_disk() {
                    download.discard().map_err(IngestError::from)?;
                }
                Err(layer_error(blob, source).into())
            }
            (Err(error), unpacked) if download.have() < blob.size || unpacked.is_ok() => Err(error),
            (_, unpacked) => {
                // Wrong bytes often cannot be unpacked, and that they are wrong is the better reason.
                download.finish(&self.store.blobs)?;
                self.take(blob, diff_id, unpacked.map_err(|source| layer_error(blob, source))?)?;
                Ok(Fetched::Downloaded)
            }
        }
    }

    /// Sees to it that a blob is here, whether its layer is or not: one that was [dropped](ImageStore::drop_blob). Nothing is
    /// unpacked.
    ///
    /// # Errors
    /// Those of `fetch`; [`IngestError`].
    pub fn blob<E: From<IngestError>>(
        &self,
        blob: &Descriptor,
        fetch: impl FnOnce(&mut Download) -> Result<(), E>,
    ) -> Result<Fetched, E> {
        self.claim([&blob.digest])?;
        let opened = self.download(blob)?;
        let Some(mut download) = opened else { return Ok(Fetched::Here) };
        let fetched = if download.have() < blob.size { fetch(&mut download) } else { Ok(()) };
        if download.have() < blob.size {
            fetched?;
        }
        download.finish(&self.store.blobs)?;
        Ok(Fetched::Downloaded)
    }

    fn download(&self, blob: &Descriptor) -> Result<Option<Download>, IngestError> {
        Ok(Download::open(&self.store.root, &self.store.partial(), &self.store.blobs, blob)?)
    }

    /// Takes a layer whose blob is here already, brought by [`adopt`](Self::adopt) or by an earlier pull.
    fn unpack_kept(&self, blob: &Descriptor, diff_id: &DiffId) -> Result<(), IngestError> {
        let missing = || IngestError::Missing(format!("blob {}", blob.digest));
        let file = self.store.blob(&blob.digest)?.ok_or_else(missing)?;
        let size = file.metadata().map_err(DiskError::at("look at", self.store.blobs.path(&blob.digest)))?.len();
        let mut hashing = Hashing::new(file);
        let unpacked = self.unpack(&mut hashing, self.is_here(diff_id));
        // A decompressor may stop before the end.
        io::copy(&mut hashing, &mut io::sink()).map_err(DiskError::at("read", self.store.blobs.path(&blob.digest)))?;
        let found = hashing.finish();
        if found != blob.digest {
            return Err(IngestError::Digest { expected: blob.digest.clone(), found });
        }
        if size != blob.size {
            let found = format!("{size} bytes instead of {}", blob.size);
            return Err(DocumentError::Mismatch { expected: blob.digest.clone(), found }.into());
        }
        self.take(blob, diff_id, unpacked.map_err(|source| layer_error(blob, source))?)
    }

    /// Only its name is of interest if the layer is here.
    fn unpack(&self, archive: impl Read + Send, is_here: bool) -> Result<Unpacked, LayerError> {
        if is_here {
            return self.layers.diff_id_of(archive).map(Unpacked::Known);
        }
        self.layers.stage(archive).map(Unpacked::Staged)
    }

    fn take(&self, blob: &Descriptor, expected: &DiffId, unpacked: Unpacked) -> Result<(), IngestError> {
        // ANCHOR: compare
        let found = match &unpacked {
            Unpacked::Known(diff_id) => diff_id.clone(),
            Unpacked::Staged(staged) => staged.diff_id.clone(),
        };
        if found != *expected {
            return Err(IngestError::DiffId { layer: blob.digest.clone(), expected: expected.clone(), found });
        }
        // ANCHOR_END: compare
        let mut parts = self.parts();
        parts.diffs.insert(blob.digest.clone(), found);
        if let Unpacked::Staged(staged) = unpacked {
            parts.staged.push(staged);
        }
        Ok(())
    }

    /// Makes images of what has come in: all of them, or none.
    ///
    /// # Errors
    /// [`IngestError`]; then no name and no image has changed.
    pub fn install(self, images: &[Install]) -> Result<Vec<Image>, IngestError> {
        let mut complete = Vec::new();
        for install in images {
            complete.push(self.check(install)?);
        }
        let Parts { staged, diffs } = std::mem::take(&mut *self.parts());
        let directory = self.store.directory();
        // One wait for blobs and layers alike: they are on one disk.
        process::fault!("sync an image").map_err(DiskError::at("sync", directory))?;
        if !self.layers.publish(staged).map_err(ImageStoreError::from)? {
            layers::sync_file_system(directory)?;
        }
        for (blob, diff_id) in &diffs {
            self.store.blobs.remember(blob, diff_id)?;
        }
        let _lock = table::lock(directory)?;
        let mut table = self.store.table()?;
        for (install, image) in images.iter().zip(&complete) {
            set(&mut table, install, &image.id.parse().map_err(ImageStoreError::from)?);
        }
        process::fault!("set the references").map_err(DiskError::at("write", table::path(directory)))?;
        self.store.write(&table)?;
        Ok(complete)
    }

    /// Whether everything that the image needs is here.
    fn check(&self, install: &Install) -> Result<Image, IngestError> {
        for descriptor in [&install.target, &install.manifest] {
            self.store.document(descriptor)?;
        }
        let manifest = self.manifest(&install.manifest)?;
        let bytes = self.store.document(&manifest.config)?;
        let config: ImageConfig = serde_json::from_slice(&bytes).map_err(IngestError::Config)?;
        let diff_ids = diff_ids(&manifest, &config)?;
        for (blob, diff_id) in manifest.layers.iter().zip(diff_ids) {
            let missing = |what: &str, digest: &Digest| IngestError::Missing(format!("{what} {digest}"));
            match self.unpacks_to(&blob.digest) {
                Some(found) if found == diff_id => {}
                Some(found) => {
                    return Err(IngestError::DiffId { layer: blob.digest.clone(), expected: diff_id, found });
                }
                None => return Err(missing("blob", &blob.digest)),
            }
            if !self.is_here(&diff_id) && !self.parts().staged.iter().any(|staged| staged.diff_id == diff_id) {
                return Err(missing("layer", &diff_id));
            }
        }
        Ok(Image { id: manifest.config.digest.to_string(), config })
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest, IngestError> {
        match Document::parse(&self.store.document(descriptor)?, Some(&descriptor.media_type))? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => Err(DocumentError::Type(descriptor.media_type.clone()).into()),
        }
    }

    fn unpacks_to(&self, blob: &Digest) -> Option<DiffId> {
        self.parts().diffs.get(blob).cloned().or_else(|| self.store.blobs.diff_of(blob))
    }

    fn is_here(&self, diff_id: &DiffId) -> bool {
        self.layers.get(diff_id).is_ok()
    }

    pub(crate) fn root(&self) -> &DataRoot {
        &self.store.root
    }

    pub(crate) fn layers(&self) -> &LayerStore {
        self.layers
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.store.blobs.path(digest)
    }

    /// Takes a layer that was unpacked out of this blob.
    pub(crate) fn add(&self, blob: &Digest, staged: Staged) {
        let mut parts = self.parts();
        parts.diffs.insert(blob.clone(), staged.diff_id.clone());
        parts.staged.push(staged);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ingest<'_> {
    fn drop(&mut self) {
        // What stays is rubbish, which nobody holds.
        let _ = self.store.root.discard(&mut self.held);
        let _ = layers::remove_all(self.held.path());
    }
}

/// A layer whose archive has been read.
enum Unpacked {
    Known(DiffId),
    Staged(Staged),
}

fn layer_error(blob: &Descriptor, source: LayerError) -> IngestError {
    IngestError::Layer { layer: blob.digest.clone(), source }
}

/// Whether unpacking failed for what the archive says, or for its early end. Then what comes still has to be compared with
/// its digest: it may have been damaged on its way, and is of no use to whoever tries again.
fn is_about_the_bytes(error: &LayerError) -> bool {
    matches!(error, LayerError::Read(_) | LayerError::Header { .. } | LayerError::Entry { .. })
}

/// The names of a manifest's layers, one for each.
///
/// # Errors
/// [`IngestError::LayerCount`], [`DigestError`](layers::DigestError).
pub fn diff_ids(manifest: &Manifest, config: &ImageConfig) -> Result<Vec<DiffId>, IngestError> {
    let said = &config.rootfs.diff_ids;
    if said.len() != manifest.layers.len() {
        return Err(IngestError::LayerCount { layers: manifest.layers.len(), diff_ids: said.len() });
    }
    let parsed = said.iter().map(|id| id.parse().map_err(ImageStoreError::from));
    Ok(parsed.collect::<Result<_, _>>()?)
}

fn set(table: &mut Table, install: &Install, id: &Digest) {
    let row = table.images.entry(id.clone()).or_default();
    row.manifest = Some(install.manifest.clone());
    for reference in &install.references {
        table.name(reference, id, Some(install.target.clone()));
    }
}

/// What is needed by whoever takes something in at this moment. To be called with the lock.
pub(crate) fn needed(store: &ImageStore) -> Result<BTreeSet<Digest>, DiskError> {
    let directory = store.ingests();
    let mut needed = BTreeSet::new();
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(needed),
        other => other.map_err(DiskError::at("read", &directory))?,
    };
    for entry in entries {
        let path = entry.map_err(DiskError::at("read", &directory))?.path();
        match Held::take(&path)? {
            // Its maker is gone.
            Some(mut left) => {
                store.root.discard(&mut left)?;
                left.remove()?;
            }
            None => needed.extend(crate::blobs::names(&path)?),
        }
    }
    Ok(needed)
}
