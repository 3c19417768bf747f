//! `push`: an image that is here, to where its name says.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use images::{Descriptor, Digest, Image, Known, Manifest, Reference, diff_ids};
use layers::DiffId;

use crate::auth::Scope;
use crate::progress::{Event, State};
use crate::pull::{Stores, short};
use crate::push_error::PushError;
use crate::registry::{Client, Registry};
use crate::upload::{Sent, Upload};

/// Layers that go at the same time, as with docker.
const AT_ONCE: usize = 5;
/// Repositories that are asked whether they have a blob.
const MOST_OTHERS: usize = 3;

/// What a registry has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Of the manifest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Client<'_> {
    /// Sees to it that the registry has what `reference` names here.
    ///
    /// # Errors
    /// [`PushError`].
    pub fn push(&self, stores: Stores, reference: &Reference) -> Result<Pushed, PushError> {
        let missing = |_| PushError::NoImage(reference.familiar_name());
        let image = stores.images.find(&reference.familiar()).map_err(missing)?;
        // What was pulled goes as it came, even if some of it is no longer kept: the registry may have it.
        let (descriptor, manifest) = if let Some((descriptor, _, manifest)) = stores.images.manifest(&image)? {
            (descriptor, manifest)
        } else {
            self.bring_back(stores, &image)?;
            stores.images.complete(&image, stores.layers)?
        };
        let bytes = stores.images.document(&descriptor)?;
        let registry = self.registry(reference.domain())?;
        let names = diff_ids(&manifest, &image.config)?;
        let push = Push { registry: &registry, stores, reference, known: stores.images.list()? };
        push.layers(&manifest, &names)?;
        push.blob(&manifest.config, &[], &|_| {})?;
        let tag = reference.tag().unwrap_or("latest");
        let scope = Scope::push(reference.path(), None);
        registry.put_document(reference.path(), tag, &descriptor, &bytes, &scope)?;
        // Under this digest it can be asked for from now on.
        stores.images.tag(&image, &reference.at(&descriptor.digest))?;
        Ok(Pushed { digest: descriptor.digest, size: descriptor.size })
    }

    /// Fetches what was dropped of the layers below an image that was made here. What does not come may be packed anew.
    fn bring_back(&self, stores: Stores, image: &Image) -> Result<(), PushError> {
        for layer in stores.images.dropped_of(image)? {
            if let Err(error) = self.fetch_dropped(stores, &layer) {
                let text = format!("layer {} cannot be fetched: {error}", layer.blob.digest);
                self.progress.event(Event::Warning(&text));
            }
        }
        Ok(())
    }
}

/// One push.
struct Push<'a> {
    registry: &'a Registry<'a>,
    stores: Stores<'a>,
    reference: &'a Reference,
    /// All images that are here: they say which repositories may have a layer.
    known: Vec<Known>,
}

impl Push<'_> {
    /// The layers, some at a time, known to people by the digest of what is in them.
    fn layers(&self, manifest: &Manifest, names: &[DiffId]) -> Result<(), PushError> {
        let mut seen = BTreeSet::new();
        let pairs = manifest.layers.iter().zip(names);
        let layers: Vec<(&Descriptor, String)> =
            pairs.filter(|(blob, _)| seen.insert(&blob.digest)).map(|(blob, name)| (blob, short(name))).collect();
        for (_, id) in &layers {
            self.tell(id, State::Preparing);
        }
        let (next, stop, failed) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(None));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(layers.len()) {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed)
                        && let Some((blob, id)) = layers.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if let Err(error) = self.layer(blob, id) {
                            stop.store(true, Ordering::Relaxed);
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                });
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn layer(&self, blob: &Descriptor, id: &str) -> Result<(), PushError> {
        let report = |done| self.tell(id, State::Uploading { done, total: blob.size });
        match self.blob(blob, &self.others(&blob.digest), &report)? {
            Sent::Exists => self.tell(id, State::ExistsThere),
            Sent::Mounted(from) => self.tell(id, State::Mounted(&from)),
            Sent::Uploaded => self.tell(id, State::Pushed),
        }
        Ok(())
    }

    fn blob(&self, blob: &Descriptor, others: &[String], report: &(dyn Fn(u64) + Sync)) -> Result<Sent, PushError> {
        let upload = Upload {
            registry: self.registry,
            repository: self.reference.path(),
            digest: &blob.digest,
            size: blob.size,
            report,
        };
        upload.run(others, || self.open(blob))
    }

    /// The bytes of a blob: if they were dropped, from the registry that they came from.
    fn open(&self, blob: &Descriptor) -> Result<File, PushError> {
        let Stores { images, .. } = self.stores;
        if let Some(file) = images.blob(&blob.digest)? {
            return Ok(file);
        }
        let missing = || PushError::NoBlob(self.reference.familiar(), blob.digest.clone());
        let packed = images.packed_layers()?.into_iter().find(|layer| layer.blob.digest == blob.digest);
        let fetched = self.registry.client.fetch_dropped(self.stores, &packed.ok_or_else(missing)?);
        fetched.map_err(|source| PushError::Dropped(blob.digest.clone(), Box::new(source)))?;
        images.blob(&blob.digest)?.ok_or_else(missing)
    }

    /// Other repositories of this registry that we know an image in with this layer.
    fn others(&self, layer: &Digest) -> Vec<String> {
        let mut others = BTreeSet::new();
        for known in &self.known {
            let here =
                |name: &&Reference| name.domain() == self.reference.domain() && name.path() != self.reference.path();
            // A name with a digest is one that the registry has, or had.
            let names: Vec<&Reference> = known.digests.iter().filter(here).collect();
            if !names.is_empty()
                && let Ok(Some((_, _, manifest))) = self.stores.images.manifest(&known.image)
                && manifest.layers.iter().any(|blob| blob.digest == *layer)
            {
                others.extend(names.iter().map(|name| name.path().to_owned()));
            }
        }
        others.into_iter().take(MOST_OTHERS).collect()
    }

    fn tell(&self, id: &str, state: State) {
        self.registry.client.progress.event(Event::Layer { id, state });
    }
}
