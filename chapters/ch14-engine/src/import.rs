//! `import`: a tar archive of a root file system becomes an image of one layer.

use std::io::Read;

use images::{ContainerConfig, Image, ImageConfig, ImageStore, IngestError, Platform, Reference};
use layers::{DiskError, LayerStore};
use process::Diagnose;
use serde_json::json;
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

/// How an image is made of an archive.
#[derive(Debug, Clone, Default)]
pub struct ImportWish {
    /// What it is.
    pub message: String,
    /// Instructions that give it a configuration.
    pub changes: Vec<String>,
    /// What it is for, if not for this machine.
    pub platform: Option<Platform>,
}

/// Reads an archive, plain or compressed, into a layer, and names an image that consists of it.
pub(crate) fn import(
    archive: impl Read + Send,
    reference: Option<&Reference>,
    config: ContainerConfig,
    wish: &ImportWish,
    (layers, images): (&LayerStore, &ImageStore),
) -> Result<Image, ImportError> {
    let created = jiff::Timestamp::now().to_string();
    let describe = |layer: &layers::DiffId| {
        let mut config = ImageConfig::new(created.clone(), vec![layer.to_string()], config);
        if let Some(platform) = &wish.platform {
            (config.os, config.architecture) = (platform.os.clone(), platform.architecture.clone());
            if !platform.variant.is_empty() {
                config.other.insert("variant".into(), platform.variant.as_str().into());
            }
        }
        if !wish.message.is_empty() {
            config.other.insert("comment".into(), wish.message.as_str().into());
        }
        config.other.insert("history".into(), json!([{ "created": created, "comment": wish.message }]));
        config
    };
    Ok(images.ingest(layers)?.import(archive, reference, describe)?)
}
