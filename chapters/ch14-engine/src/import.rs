//! `import`: a tar archive of a root file system becomes an image of one layer.

use std::io::Read;

use images::{ContainerConfig, Image, ImageConfig, ImageStore, IngestError, Reference};
use layers::{DiskError, LayerStore};
use process::Diagnose;
use thiserror::Error;

/// Why there is no image.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The archive, or what becomes of it.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Diagnose for ImportError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Ingest | Disk)
    }
}

/// Reads an archive, plain or compressed, into a layer, and names an image that consists of it.
pub(crate) fn import(
    archive: impl Read + Send,
    reference: &Reference,
    config: ContainerConfig,
    layers: &LayerStore,
    images: &ImageStore,
) -> Result<Image, ImportError> {
    let created = jiff::Timestamp::now().to_string();
    let describe = |layer: &layers::DiffId| ImageConfig::new(created, vec![layer.to_string()], config);
    Ok(images.ingest(layers)?.import(archive, Some(reference), describe)?)
}
