//! `import`: a tar archive of a root file system becomes an image of one layer.

use std::io::Read;

use images::{ContainerConfig, Image, ImageConfig, ImageStore, ImageStoreError, Reference};
use layers::{LayerError, LayerStore};
use process::Diagnose;
use thiserror::Error;

/// Why there is no image.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The archive, or the disk.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The table of images.
    #[error(transparent)]
    Image(#[from] ImageStoreError),
}

impl Diagnose for ImportError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Layer | Image)
    }
}

/// Reads an archive, plain or compressed, into a layer, and names an image that consists of it.
pub(crate) fn import(
    archive: impl Read,
    reference: &Reference,
    config: ContainerConfig,
    layers: &LayerStore,
    images: &ImageStore,
) -> Result<Image, ImportError> {
    let layer = layers.import(archive)?;
    let created = jiff::Timestamp::now().to_string();
    let image =
        images.put(Some(reference), ImageConfig::new(created, vec![layer.diff_id.to_string()], config), None)?;
    // Until it had the name, nobody knew that the layer is needed.
    images.confirm(&image, layers)?;
    Ok(image)
}
