//! Images on disk: named, found by name and by id, kept when a name moves on.
//!
//! ```text
//! images/images.json   which images there are, and their names
//! images/blobs/        what they are made of, besides the unpacked layers
//! images/partial/      blobs that have not arrived whole
//! images/ingest/       one directory for each pull, load or import that is under way: what it needs
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};

use layers::{DataRoot, Digest, DiskError, Durability, LayerStore};

use crate::blobs::Blobs;
use crate::config::ImageConfig;
use crate::document::{Descriptor, Document, DocumentError, Manifest};
use crate::earlier;
use crate::image::{Image, Known};
use crate::reference::Reference;
use crate::store_error::ImageStoreError;
use crate::table::{self, Table};

/// All images of a data root.
#[derive(Debug, Clone)]
pub struct ImageStore {
    pub(crate) root: DataRoot,
    pub(crate) images: PathBuf,
    pub(crate) blobs: Blobs,
}

impl ImageStore {
    /// The store in `root`. Images of an earlier version are taken over.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(root: &DataRoot) -> Result<Self, DiskError> {
        let images = root.directory("images")?;
        let blobs = Blobs::open(&images)?;
        let store = Self { root: root.clone(), images, blobs };
        if !store.is_current() {
            earlier::convert(&store.images, &store.blobs)?;
        }
        Ok(store)
    }

    fn is_current(&self) -> bool {
        table::path(&self.images).exists() && !earlier::is_here(&self.images)
    }

    /// Keeps a configuration that was made here, of layers that are here, under `reference` if there is one; what had that
    /// name before keeps its id only. `parent` is the image that it was made from.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn put(
        &self,
        reference: Option<&Reference>,
        config: ImageConfig,
        parent: Option<&Image>,
    ) -> Result<Image, ImageStoreError> {
        let bytes = serde_json::to_vec(&config).map_err(DiskError::at("write an image in", &self.images))?;
        let parent = parent.map(|parent| parent.id.parse()).transpose()?;
        let _lock = table::lock(&self.images)?;
        let id = self.blobs.write(&bytes, Durability::PowerFailure)?;
        let mut table = self.table()?;
        let row = table.images.entry(id.clone()).or_default();
        // One that comes out the same was not made from itself.
        row.parent = row.parent.take().or(parent).filter(|parent| *parent != id);
        if let Some(reference) = reference {
            table.name(reference, &id, None);
        }
        self.write(&table)?;
        Ok(Image { id: id.to_string(), config })
    }

    /// Gives an image another name. Which image had it before, if that was another.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn tag(&self, image: &Image, reference: &Reference) -> Result<Option<Digest>, ImageStoreError> {
        let id: Digest = image.id.parse()?;
        let _lock = table::lock(&self.images)?;
        let mut table = self.table()?;
        if !table.images.contains_key(&id) {
            return Err(ImageStoreError::NotFound(image.id.clone()));
        }
        // It is the same in the registry, whatever it is called.
        let before = table.name(reference, &id, None);
        self.write(&table)?;
        Ok(before)
    }

    /// The image with this name, id, or beginning of an id.
    ///
    /// # Errors
    /// [`ImageStoreError::NotFound`], [`ImageStoreError::Ambiguous`].
    pub fn find(&self, text: &str) -> Result<Image, ImageStoreError> {
        self.load(&find(&self.table()?, text)?)
    }

    /// The image with this id, also if no name and no table leads to it any more: one of a container's.
    ///
    /// # Errors
    /// [`ImageStoreError::NotFound`].
    pub fn of_container(&self, id: &str) -> Result<Image, ImageStoreError> {
        self.load(&id.parse()?)
    }

    /// Every image, with its names, sorted by id.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn list(&self) -> Result<Vec<Known>, ImageStoreError> {
        let table = self.table()?;
        table.images.keys().map(|id| self.known(&table, id)).collect()
    }

    /// An image with its names.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn look(&self, text: &str) -> Result<Known, ImageStoreError> {
        let table = self.table()?;
        self.known(&table, &find(&table, text)?)
    }

    /// The image's manifest, if it has one: its descriptor, its bytes, and what they say.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn manifest(&self, image: &Image) -> Result<Option<(Descriptor, Vec<u8>, Manifest)>, ImageStoreError> {
        let table = self.table()?;
        let Some(descriptor) = table.images.get(&image.id.parse()?).and_then(|row| row.manifest.clone()) else {
            return Ok(None);
        };
        let bytes = self.blobs.document(&descriptor)?;
        match Document::parse(&bytes, Some(&descriptor.media_type))? {
            Document::Manifest(manifest) => Ok(Some((descriptor, bytes, manifest))),
            Document::Index(_) => Err(DocumentError::Type(descriptor.media_type).into()),
        }
    }

    /// What a registry has under this name, as far as it is known here.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn target(&self, reference: &Reference) -> Result<Option<Descriptor>, ImageStoreError> {
        let mut table = self.table()?;
        Ok(table.references.remove(&reference.clone().canonical()).and_then(|named| named.target))
    }

    /// A blob, to be read; `None` if it is not here. Who reads it compares what it reads with the digest.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn blob(&self, digest: &Digest) -> Result<Option<File>, DiskError> {
        self.blobs.open_blob(digest)
    }

    /// How large a blob is; `None` if it is not here.
    pub fn blob_size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.size(digest)
    }

    /// An index, a manifest or a configuration, compared with its digest.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`], [`ImageStoreError::Document`].
    pub fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageStoreError> {
        self.blobs.document(descriptor)
    }

    /// Whether the image and its layers are still here: asked by whoever has just written down that it needs them. What is
    /// removed is not removed between such a record and this.
    ///
    /// # Errors
    /// [`ImageStoreError::NotFound`], [`ImageStoreError::Layer`].
    pub fn confirm(&self, image: &Image, layers: &LayerStore) -> Result<(), ImageStoreError> {
        let _lock = table::lock(&self.images)?;
        if self.blobs.size(&image.id.parse()?).is_none() {
            return Err(ImageStoreError::NotFound(image.id.clone()));
        }
        for layer in image.layers() {
            layers.get(&layer)?;
        }
        Ok(())
    }

    pub(crate) fn table(&self) -> Result<Table, DiskError> {
        Ok(table::read(&self.images)?.unwrap_or_default())
    }

    pub(crate) fn write(&self, table: &Table) -> Result<(), DiskError> {
        table::write(&self.images, table, Durability::PowerFailure)
    }

    pub(crate) fn load(&self, id: &Digest) -> Result<Image, ImageStoreError> {
        let path = self.blobs.path(id);
        match layers::read_json(&path)? {
            Some(config) => Ok(Image { id: id.to_string(), config }),
            None => Err(ImageStoreError::NotFound(id.to_string())),
        }
    }

    pub(crate) fn known(&self, table: &Table, id: &Digest) -> Result<Known, ImageStoreError> {
        let image = self.load(id)?;
        let (tags, digests) = table.names_of(id);
        let row = table.images.get(id).cloned().unwrap_or_default();
        let has_children = table.parents().contains(id);
        Ok(Known { image, tags, digests, manifest: row.manifest, parent: row.parent, tagged: row.tagged, has_children })
    }

    /// Where pulls, loads and imports that are under way say what they need.
    pub(crate) fn ingests(&self) -> PathBuf {
        self.images.join("ingest")
    }

    /// Where blobs are that have not arrived whole.
    pub(crate) fn partial(&self) -> PathBuf {
        self.images.join("partial")
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.images
    }
}

/// The id of the image with this name, id, or beginning of an id.
pub(crate) fn find(table: &Table, text: &str) -> Result<Digest, ImageStoreError> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let plausible = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.parse::<Reference>() {
        Ok(reference) => {
            if let Some(id) = named(table, &reference) {
                return Ok(id);
            }
        }
        Err(error) if !plausible => return Err(error.into()),
        Err(_) => {}
    }
    let begins = |id: &&Digest| plausible && id.hex().starts_with(digits);
    let mut matching = table.images.keys().filter(begins);
    match (matching.next(), matching.count()) {
        (Some(id), 0) => Ok(id.clone()),
        (Some(_), others) => Err(ImageStoreError::Ambiguous(text.into(), others + 1)),
        // With the tag that was meant.
        (None, _) => Err(ImageStoreError::NotFound(match text.parse::<Reference>() {
            Ok(reference) => reference.familiar(),
            Err(_) => text.into(),
        })),
    }
}

fn named(table: &Table, reference: &Reference) -> Option<Digest> {
    if let Some(named) = table.references.get(&reference.clone().canonical()) {
        return Some(named.image.clone());
    }
    // Who names a digest wants that image, and not what a tag stands for today.
    let digest = reference.digest()?;
    let is_it = |(name, named): &(&Reference, &crate::table::Named)| {
        name.name() == reference.name()
            && (named.image == *digest || named.target.as_ref().is_some_and(|target| target.digest == *digest))
    };
    table.references.iter().find(is_it).map(|(_, named)| named.image.clone())
}
