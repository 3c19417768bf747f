//! An OCI image layout: `index.json` names manifests, or indexes of which not all parts may be there.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::spool::Spool;
use super::{Found, reference};
use crate::config::ImageConfig;
use crate::document::{Descriptor, Document, Index, verify};
use crate::ingest::diff_ids;
use crate::ingest_error::IngestError;
use crate::load_error::LoadError;
use crate::media;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::resolve::resolve;
use crate::save::{NAME, REF_NAME};

/// Docker's own list, which stands beside the index.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    config: String,
    repo_tags: Option<Vec<String>>,
}

/// Its images.
pub(super) fn images(spool: &Spool, platform: &Platform) -> Result<Vec<Found>, LoadError> {
    let bytes = spool.bytes("index.json")?;
    let Document::Index(index) = Document::parse(&bytes, Some(media::OCI_INDEX))? else {
        return Err(LoadError::NoImages);
    };
    let named = names(spool)?;
    let mut images: Vec<Found> = Vec::new();
    let mut refused = None;
    for entry in &index.manifests {
        match image(spool, entry, platform, &named) {
            Ok(image) => match images.iter_mut().find(|known| known.manifest.digest == image.manifest.digest) {
                Some(known) => known.references.extend(image.references),
                None => images.push(image),
            },
            // An attestation, or an image for somebody else.
            Err(LoadError::Document(error)) => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    for image in &mut images {
        image.references.sort();
        image.references.dedup();
    }
    match (images.is_empty(), refused) {
        (false, _) => Ok(images),
        (true, Some(error)) => Err(error.into()),
        (true, None) => Err(LoadError::NoImages),
    }
}

/// Names by the digest of the configuration.
fn names(spool: &Spool) -> Result<BTreeMap<String, Vec<Reference>>, LoadError> {
    if spool.find("manifest.json").is_none() {
        return Ok(BTreeMap::new());
    }
    let bytes = spool.bytes("manifest.json")?;
    let json = |source| LoadError::Json { name: "manifest.json".into(), source };
    let list: Vec<Named> = serde_json::from_slice(&bytes).map_err(json)?;
    let mut names: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for image in list {
        let digest = spool.get(&image.config)?.digest.to_string();
        let tags = image.repo_tags.unwrap_or_default();
        names.entry(digest).or_default().extend(tags.iter().filter_map(|tag| reference(tag)));
    }
    Ok(names)
}

fn image(
    spool: &Spool,
    entry: &Descriptor,
    platform: &Platform,
    named: &BTreeMap<String, Vec<Reference>>,
) -> Result<Found, LoadError> {
    let read = |descriptor: &Descriptor| -> Result<Vec<u8>, LoadError> {
        let name = format!("blobs/sha256/{}", descriptor.digest.hex());
        spool.bytes(&name)
    };
    let mut root = (entry.clone(), read(entry)?);
    verify(&root.0, &root.1)?;
    // Only what is in the archive can be chosen: an index may name more.
    if let Document::Index(mut index) = Document::parse(&root.1, Some(&entry.media_type))? {
        index.manifests.retain(|entry| spool.blob(&entry.digest).is_some());
        root = root_of(&index)?;
    }
    let resolved = resolve(root, platform, read)?;
    let (manifest, bytes) = resolved.documents.last().cloned().ok_or(LoadError::NoImages)?;
    let parsed = resolved.manifest;
    let config = read(&parsed.config)?;
    let read_config: ImageConfig = serde_json::from_slice(&config).map_err(IngestError::Config)?;
    let diff_ids = diff_ids(&parsed, &read_config)?;
    let mut references: Vec<Reference> = named.get(&parsed.config.digest.to_string()).cloned().unwrap_or_default();
    let full = entry.annotations.get(NAME).or_else(|| {
        // Podman and skopeo have the whole name here; others only the tag.
        entry.annotations.get(REF_NAME).filter(|name| name.contains(['/', ':']))
    });
    references.extend(full.and_then(|name| reference(name)));
    let manifest = Descriptor { annotations: BTreeMap::new(), platform: None, ..manifest };
    Ok(Found { manifest, bytes, config, parsed, diff_ids, references })
}

fn root_of(index: &Index) -> Result<(Descriptor, Vec<u8>), LoadError> {
    let bytes = serde_json::to_vec(index).map_err(|source| LoadError::Json { name: "index.json".into(), source })?;
    Ok((Descriptor::of(media::OCI_INDEX, &bytes), bytes))
}
