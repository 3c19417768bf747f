//! Images out of an archive: an OCI image layout, or what docker and podman have written before there was one. It may come
//! through a pipe, and compressed.

mod docker;
mod layout;
mod legacy;
mod spool;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use layers::{DiffId, Digest, LayerStore};

use self::spool::Spool;
use crate::config::ImageConfig;
use crate::document::{Descriptor, DocumentError, Manifest};
use crate::image::Image;
use crate::ingest::{Ingest, Install};
use crate::ingest_error::IngestError;
use crate::load_error::LoadError;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::store::ImageStore;
use crate::sweep;

/// Layers that are unpacked at the same time.
const AT_ONCE: usize = 2;

/// One image that was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The image.
    pub image: Image,
    /// The names that it got.
    pub references: Vec<Reference>,
    /// Names that another image had until now.
    pub replaced: Vec<(Reference, Digest)>,
}

/// An image of an archive: its documents, and its names.
#[derive(Debug)]
struct Found {
    manifest: Descriptor,
    bytes: Vec<u8>,
    config: Vec<u8>,
    parsed: Manifest,
    diff_ids: Vec<DiffId>,
    references: Vec<Reference>,
}

impl ImageStore {
    /// Loads all images of an archive, or none; with `platform` only those for it. Of an image for several platforms, ours is
    /// loaded if none is given.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_archive(
        &self,
        layers: &LayerStore,
        archive: impl Read,
        platform: Option<&Platform>,
    ) -> Result<Vec<Loaded>, LoadError> {
        let ingest = self.ingest(layers)?;
        let spool = Spool::read(self, &ingest, archive)?;
        let ours = Platform::host();
        let mut found = if spool.find("index.json").is_some() && spool.find("oci-layout").is_some() {
            layout::images(&spool, platform.unwrap_or(&ours))?
        } else if spool.find("manifest.json").is_some() {
            docker::images(self, &spool)?
        } else if spool.find("repositories").is_some() {
            legacy::images(self, layers, &spool)?
        } else if spool.looks_like_root() {
            return Err(LoadError::FileSystem);
        } else {
            return Err(LoadError::NoImages);
        };
        if let Some(platform) = platform {
            choose(&mut found, platform)?;
        }
        let documents = |image: &Found| [image.manifest.digest.clone(), image.parsed.config.digest.clone()];
        let layers_of =
            |image: &Found| image.parsed.layers.iter().map(|layer| layer.digest.clone()).collect::<Vec<_>>();
        let mut brought: BTreeSet<Digest> = found.iter().flat_map(documents).collect();
        brought.extend(found.iter().flat_map(layers_of));
        brought.retain(|digest| self.blobs.size(digest).is_none());
        let loaded = self.take_in(ingest, &spool, found);
        if loaded.is_err() {
            // What cannot be taken back now, `prune` removes.
            let _ = sweep::take_back(self, layers, brought);
        }
        loaded
    }

    fn take_in(&self, ingest: Ingest, spool: &Spool, found: Vec<Found>) -> Result<Vec<Loaded>, LoadError> {
        for image in &found {
            ingest.put(&image.parsed.config, &image.config)?;
            ingest.put(&image.manifest, &image.bytes)?;
            ingest.claim(image.parsed.layers.iter().map(|layer| &layer.digest).chain(&image.diff_ids))?;
            for layer in &image.parsed.layers {
                let missing = || LoadError::Missing(format!("blobs/sha256/{}", layer.digest.hex()));
                match spool.with_digest(&layer.digest) {
                    Some(file) => Spool::adopt(self, file)?,
                    // It may be one of an image that is here.
                    None if self.blobs.size(&layer.digest).is_some() => {}
                    None => return Err(missing()),
                }
            }
        }
        unpack(&ingest, &found)?;
        let before = self.table()?;
        let installs: Vec<Install> = found.iter().map(Found::install).collect();
        let images = ingest.install(&installs)?;
        let replaced = |image: &Image, references: &[Reference]| {
            let had = |name: &Reference| Some((name.clone(), before.references.get(name)?.image.clone()));
            references.iter().filter_map(had).filter(|(_, id)| id.to_string() != image.id).collect()
        };
        let loaded = images.into_iter().zip(found).map(|(image, Found { references, .. })| {
            let replaced = replaced(&image, &references);
            Loaded { image, references, replaced }
        });
        Ok(loaded.collect())
    }
}

impl Found {
    fn install(&self) -> Install {
        let (manifest, target) = (self.manifest.clone(), self.manifest.clone());
        Install { manifest, target, references: self.references.clone() }
    }
}

/// Leaves those for `platform`.
fn choose(found: &mut Vec<Found>, platform: &Platform) -> Result<(), LoadError> {
    let mut offered = BTreeSet::new();
    let mut chosen = Vec::new();
    for image in found.drain(..) {
        let config: ImageConfig = serde_json::from_slice(&image.config).map_err(IngestError::Config)?;
        let own = Platform::of(&config);
        if platform.distance(&own).is_some() {
            chosen.push(image);
        } else {
            offered.insert(own.to_string());
        }
    }
    if chosen.is_empty() {
        let offered = offered.into_iter().collect::<Vec<_>>().join(", ");
        return Err(DocumentError::Platform { wanted: platform.to_string(), offered }.into());
    }
    *found = chosen;
    Ok(())
}

/// Unpacks the layers of all images, some at a time.
fn unpack(ingest: &Ingest, found: &[Found]) -> Result<(), LoadError> {
    let pairs = found.iter().flat_map(|image| image.parsed.layers.iter().zip(&image.diff_ids));
    // The empty layer occurs many times.
    let mut seen = BTreeSet::new();
    let all: Vec<(&Descriptor, &DiffId)> =
        pairs.filter(|(blob, diff_id)| seen.insert((&blob.digest, blob.size, *diff_id))).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(all.len()) {
            scope.spawn(|| {
                while let Some((blob, diff_id)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let fetch =
                        |_: &mut crate::download::Download| Err(IngestError::Missing(format!("blob {}", blob.digest)));
                    if let Err(error) = ingest.layer(blob, diff_id, fetch) {
                        next.store(all.len(), Ordering::Relaxed);
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// The name that an archive gives to an image: what is no name is left out, as docker does.
fn reference(text: &str) -> Option<Reference> {
    text.parse::<Reference>().ok().filter(|reference| reference.digest().is_none())
}
