//! What `docker save` wrote before version 25, and podman writes today: `manifest.json` names a configuration and layers.

use std::io::Read;

use serde::Deserialize;

use super::spool::{Spool, Spooled};
use super::{Found, reference};
use crate::config::ImageConfig;
use crate::document::{Descriptor, Document, Manifest, verify};
use crate::ingest_error::IngestError;
use crate::load_error::LoadError;
use crate::media;
use crate::store::ImageStore;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Its images.
pub(super) fn images(store: &ImageStore, spool: &Spool) -> Result<Vec<Found>, LoadError> {
    let bytes = spool.bytes("manifest.json")?;
    let json = |source| LoadError::Json { name: "manifest.json".into(), source };
    let list: Vec<Listed> = serde_json::from_slice(&bytes).map_err(json)?;
    if list.is_empty() {
        return Err(LoadError::NoImages);
    }
    list.into_iter()
        .map(|listed| {
            let config = spool.bytes(&listed.config)?;
            let files = listed.layers.unwrap_or_default();
            let files = files.iter().map(|name| spool.get(name)).collect::<Result<Vec<_>, _>>()?;
            let tags = listed.repo_tags.unwrap_or_default();
            let mut image = described(store, config, &files)?;
            image.references = tags.iter().filter_map(|tag| reference(tag)).collect();
            Ok(image)
        })
        .collect()
}

/// An image with this configuration and these layers, and a manifest that says so.
pub(super) fn described(store: &ImageStore, config: Vec<u8>, files: &[&Spooled]) -> Result<Found, LoadError> {
    let blobs = files.iter().map(|file| Ok(Descriptor::new(kind(store, file)?, file.digest.clone(), file.size)));
    let found = address(config, blobs.collect::<Result<_, LoadError>>()?)?;
    // What it is called must be what it is: a document that others can read, too.
    verify(&found.manifest, &found.bytes)?;
    Document::parse(&found.bytes, None)?;
    Ok(found)
}

// ANCHOR: address
/// Names what has come without a manifest, and writes one: `config` and `blobs` are what came.
fn address(config: Vec<u8>, blobs: Vec<Descriptor>) -> Result<Found, LoadError> {
    let json = |source| LoadError::Json { name: "manifest".into(), source };
    // ANCHOR: ex_address
    let parsed = Manifest::new(Descriptor::of(media::OCI_CONFIG, &config), blobs);
    let bytes = serde_json::to_vec(&parsed).map_err(json)?;
    let manifest = Descriptor::of(media::OCI_MANIFEST, &bytes);
    let read: ImageConfig = serde_json::from_slice(&config).map_err(IngestError::Config)?;
    let diff_ids = crate::ingest::diff_ids(&parsed, &read)?;
    Ok(Found { manifest, bytes, config, parsed, diff_ids, references: Vec::new() })
    // ANCHOR_END: ex_address
}
// ANCHOR_END: address

/// The type of a layer, by its first bytes.
fn kind(store: &ImageStore, file: &Spooled) -> Result<&'static str, LoadError> {
    let mut start = Vec::new();
    Spool::open(store, file)?.take(4).read_to_end(&mut start).map_err(LoadError::Read)?;
    Ok(match start.as_slice() {
        [0x1f, 0x8b, ..] => media::OCI_LAYER_GZIP,
        [0x28, 0xb5, 0x2f, 0xfd] => media::OCI_LAYER_ZSTD,
        _ => media::OCI_LAYER,
    })
}
