//! Archives of layers whose archive nobody has: those that were made here, or by an earlier version. A layer that was
//! unpacked elsewhere cannot always be packed into the bytes that it came from.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use layers::{DiffId, Digest, DiskError, Durability, Hashing, LayerStore, create_tar};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::document::{Descriptor, Document, DocumentError, Manifest};
use crate::image::Image;
use crate::ingest_error::IngestError;
use crate::media;
use crate::scratch::Scratch;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;
use crate::table;

/// Why an image cannot be given away.
#[derive(Debug, Error)]
pub enum PackError {
    /// Its files do not tell how they were packed.
    #[error("layer {layer} is not kept as it was packed, and packing it again gives {found}")]
    Unrepeatable {
        /// The layer.
        layer: DiffId,
        /// What came out.
        found: DiffId,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// What its manifest lacks.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Whoever takes it does not.
    #[error("write the archive: {0}")]
    Write(#[source] io::Error),
    /// A blob is not what its digest says.
    #[error("blob {0} is damaged")]
    Damaged(Digest),
}

impl Diagnose for PackError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Store | Ingest | Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Unrepeatable { .. } => Some(FailureKind::Unsupported),
            Self::Write(_) | Self::Damaged(_) => Some(FailureKind::System),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unrepeatable { .. } => Some("pull the image, or import it anew".into()),
            Self::Damaged(_) => Some("see what else is: mini-docker system check".into()),
            Self::Write(error) if error.kind() == io::ErrorKind::StorageFull => Some("free some space".into()),
            _ => None,
        }
    }
}

impl ImageStore {
    /// The image's manifest, with all its blobs: those that are missing are made, and kept. So it can be pushed.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn complete(&self, image: &Image, layers: &LayerStore) -> Result<(Descriptor, Manifest), PackError> {
        if let Some((descriptor, _, manifest)) = self.manifest(image)?
            && manifest.layers.iter().all(|layer| self.blob_size(&layer.digest).is_some())
        {
            return Ok((descriptor, manifest));
        }
        let ingest = self.ingest(layers)?;
        let mut blobs = Vec::new();
        for (diff_id, kept) in self.kept(image)? {
            if let Some(blob) = kept {
                blobs.push(blob);
                continue;
            }
            let scratch = Scratch::new(&self.root)?;
            let path = scratch.path().join("layer");
            let blob = compress(layers, &diff_id, &path)?;
            ingest.claim([&blob.digest, &diff_id])?;
            layers::move_durably(&path, &self.blobs.path(&blob.digest))?;
            self.blobs.remember(&blob.digest, &diff_id)?;
            blobs.push(blob);
        }
        let (descriptor, bytes, manifest) = self.describe(image, blobs)?;
        ingest.put(&descriptor, &bytes)?;
        let id: Digest = image.id.parse().map_err(ImageStoreError::from)?;
        let _lock = table::lock(self.directory())?;
        self.blobs.write(&bytes, Durability::PowerFailure)?;
        let mut table = self.table()?;
        let row = table.images.get_mut(&id).ok_or_else(|| ImageStoreError::NotFound(image.id.clone()))?;
        row.manifest = Some(descriptor.clone());
        self.write(&table)?;
        Ok((descriptor, manifest))
    }

    /// A manifest for the image with these blobs.
    pub(crate) fn describe(
        &self,
        image: &Image,
        blobs: Vec<Descriptor>,
    ) -> Result<(Descriptor, Vec<u8>, Manifest), PackError> {
        let id: Digest = image.id.parse().map_err(ImageStoreError::from)?;
        let size = self.blob_size(&id).ok_or_else(|| ImageStoreError::NotFound(image.id.clone()))?;
        let manifest = Manifest::new(Descriptor::new(media::OCI_CONFIG, id, size), blobs);
        let bytes = serde_json::to_vec(&manifest).map_err(DocumentError::from).map_err(ImageStoreError::from)?;
        debug_assert!(Document::parse(&bytes, None).is_ok(), "what we write we can read");
        Ok((Descriptor::of(media::OCI_MANIFEST, &bytes), bytes, manifest))
    }
}

/// Packs a layer into a file: its archive as it was.
pub(crate) fn pack(layers: &LayerStore, diff_id: &DiffId, out: impl Write) -> Result<(), PackError> {
    let layer = layers.get(diff_id).map_err(ImageStoreError::from)?;
    let found = create_tar(&layer.path, out).map_err(ImageStoreError::from)?;
    if found == *diff_id { Ok(()) } else { Err(PackError::Unrepeatable { layer: diff_id.clone(), found }) }
}

/// The same, compressed: with no time and no name in it, so that it gives the same bytes again.
fn compress(layers: &LayerStore, diff_id: &DiffId, path: &Path) -> Result<Descriptor, PackError> {
    let file = File::create(path).map_err(DiskError::at("create", path))?;
    let mut hashing = Hashing::new(BufWriter::new(file));
    let mut gzip = GzBuilder::new().mtime(0).write(&mut hashing, Compression::default());
    pack(layers, diff_id, &mut gzip)?;
    gzip.finish().map_err(DiskError::at("write", path))?;
    hashing.flush().map_err(DiskError::at("write", path))?;
    let size = path.metadata().map_err(DiskError::at("look at", path))?.len();
    Ok(Descriptor::new(media::OCI_LAYER_GZIP, hashing.finish(), size))
}
