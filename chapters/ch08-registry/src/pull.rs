//! `pull`: from a name to an image that is here.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use images::{
    Descriptor, Digest, Fetched, Image, ImageConfig, ImageStore, Ingest, Install, LARGEST_DOCUMENT, Platform,
    Reference, Resolved, diff_ids, resolve,
};
use images::{DocumentError, IngestError};
use layers::{DiffId, LayerStore};

use crate::blob::{self, Wanted};
use crate::progress::{Event, State};
use crate::pull_error::PullError;
use crate::registry::{Client, Registry};

/// Layers that come at the same time, as with docker.
const AT_ONCE: usize = 3;
/// Digits of a layer that people see.
const SHORT: usize = 12;

/// Where images are kept.
#[derive(Debug, Clone, Copy)]
pub struct Stores<'a> {
    /// Names and blobs.
    pub images: &'a ImageStore,
    /// What is unpacked.
    pub layers: &'a LayerStore,
}

/// An image that was asked for, and is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The image.
    pub image: Image,
    /// What the name stands for in the registry: the digest of a manifest, or of an index.
    pub digest: Digest,
    /// Whether anything has changed here.
    pub new: bool,
}

impl Client<'_> {
    /// Sees to it that what `reference` names is here as its registry has it, for `platform`.
    ///
    /// # Errors
    /// [`PullError`]. What came before it is kept for the next one who asks.
    pub fn pull(&self, stores: Stores, reference: &Reference, platform: &Platform) -> Result<Pulled, PullError> {
        let (name, repository) = (reference.familiar(), reference.familiar_name());
        let sources = self.sources(reference.domain())?;
        let last = sources.len() - 1;
        for (number, source) in sources.iter().enumerate() {
            match (Pull { registry: source, stores, reference, platform }).run() {
                Err(error) if number < last && error.is_the_servers() => {
                    self.progress.event(Event::Warning(&format!("mirror {}: {error}", source.host())));
                }
                Err(error) => return Err(error.about(&name, &repository, reference.domain())),
                Ok(pulled) => return Ok(pulled),
            }
        }
        unreachable!("the last one is answered for")
    }
}

/// One pull from one server.
struct Pull<'a> {
    registry: &'a Registry<'a>,
    stores: Stores<'a>,
    reference: &'a Reference,
    platform: &'a Platform,
}

impl Pull<'_> {
    fn run(&self) -> Result<Pulled, PullError> {
        let repository = self.reference.path();
        let pinned = self.reference.digest();
        let digest = pinned.map(ToString::to_string);
        let tag = digest.as_deref().or(self.reference.tag()).unwrap_or("latest");
        let head = self.registry.head(repository, tag)?;
        // Only what is there is on its way.
        let begin = || self.registry.client.progress.event(Event::Pulling { tag, repository });
        if let Some(head) = &head {
            begin();
            if let Some(pulled) = self.is_here(pinned.unwrap_or(&head.digest))? {
                return Ok(pulled);
            }
        }
        // By its digest, if we have it: the tag may be set anew at this moment. But who named a digest gets that, whatever a
        // registry says that it has there.
        let name = pinned.or(head.as_ref().map(|head| &head.digest)).map_or(tag.to_owned(), ToString::to_string);
        let root = self.registry.document(repository, &name)?;
        if head.is_none() {
            begin();
        }
        let resolved = resolve(root, self.platform, |descriptor| {
            let (_, bytes) = self.registry.document(repository, &descriptor.digest.to_string())?;
            Ok::<_, PullError>(bytes)
        })?;
        self.fetch(&resolved)
    }

    /// The image, if it is here whole, and its name leads to what the registry has.
    fn is_here(&self, digest: &Digest) -> Result<Option<Pulled>, PullError> {
        let Stores { images, layers } = self.stores;
        if images.target(self.reference)?.is_none_or(|known| known.digest != *digest) {
            return Ok(None);
        }
        let Ok(image) = images.find(&self.reference.familiar()) else { return Ok(None) };
        let whole = images.confirm(&image, layers).is_ok();
        let fits = self.platform.distance(&Platform::of(&image.config)).is_some();
        Ok((whole && fits).then(|| Pulled { image, digest: digest.clone(), new: false }))
    }

    fn fetch(&self, resolved: &Resolved) -> Result<Pulled, PullError> {
        let manifest = &resolved.manifest;
        let ingest = self.stores.images.ingest(self.stores.layers)?;
        for (descriptor, bytes) in &resolved.documents {
            ingest.put(descriptor, bytes)?;
        }
        if manifest.config.size > LARGEST_DOCUMENT {
            return Err(DocumentError::TooLarge(manifest.config.size).into());
        }
        let bytes = self.registry.small_blob(self.reference.path(), &manifest.config)?;
        ingest.put(&manifest.config, &bytes)?;
        let config: ImageConfig = serde_json::from_slice(&bytes).map_err(IngestError::Config)?;
        if self.platform.distance(&Platform::of(&config)).is_none() {
            let text = format!(
                "image platform ({}) does not match the expected platform ({})",
                Platform::of(&config),
                self.platform
            );
            self.registry.client.progress.event(Event::Warning(&text));
        }
        self.fetch_layers(&ingest, &manifest.layers, &diff_ids(manifest, &config)?)?;
        let digest = resolved.target().digest.clone();
        let by_tag = self.reference.tag().filter(|_| self.reference.digest().is_none());
        let mut references = vec![self.reference.at(&digest)];
        references.extend(by_tag.map(|_| self.reference.clone()));
        let install =
            Install { manifest: resolved.descriptor().clone(), target: resolved.target().clone(), references };
        let image = ingest.install(&[install])?.swap_remove(0);
        Ok(Pulled { image, digest, new: true })
    }

    /// All layers, some at a time. After the first error no other is begun, and those that are on their way end.
    fn fetch_layers(&self, ingest: &Ingest, blobs: &[Descriptor], diff_ids: &[DiffId]) -> Result<(), PullError> {
        let mut seen = BTreeSet::new();
        let layers: Vec<(&Descriptor, &DiffId)> =
            blobs.iter().zip(diff_ids).filter(|(blob, _)| seen.insert(&blob.digest)).collect();
        for (blob, _) in &layers {
            self.tell(&short(&blob.digest), State::Planned);
        }
        let (next, stop, failed) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(None));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(layers.len()) {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed)
                        && let Some((blob, diff_id)) = layers.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if let Err(error) = self.fetch_layer(ingest, blob, diff_id, &stop) {
                            // First, for the others end with an error, too.
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn fetch_layer(
        &self,
        ingest: &Ingest,
        descriptor: &Descriptor,
        diff_id: &DiffId,
        stop: &AtomicBool,
    ) -> Result<(), PullError> {
        let id = short(&descriptor.digest);
        let wanted = Wanted { repository: self.reference.path(), blob: descriptor, id: &id, stop };
        let all_ours = Cell::new(false);
        let fetch = || {
            ingest.layer(descriptor, diff_id, |download| {
                all_ours.set(download.have() == 0);
                blob::fetch(self.registry, &wanted, download)?;
                self.tell(&id, State::Downloaded);
                Ok::<_, PullError>(())
            })
        };
        let fetched = match fetch() {
            // What was here of it may have come from another registry, or a power failure may have taken it. It is gone now.
            Err(PullError::Ingest(error)) if error.is_about_the_content() && !all_ours.get() => {
                self.tell(&id, State::Retrying);
                fetch()
            }
            other => other,
        }?;
        self.tell(&id, if fetched == Fetched::Here { State::Exists } else { State::Pulled });
        Ok(())
    }

    fn tell(&self, id: &str, state: State) {
        self.registry.client.progress.event(Event::Layer { id, state });
    }
}

/// The digits of a layer that people see.
pub(crate) fn short(digest: &Digest) -> String {
    digest.hex().chars().take(SHORT).collect()
}
