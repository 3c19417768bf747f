//! Packed layers that are not kept here, because a registry has them: asked whether it still does before they go, and for
//! their bytes when somebody needs them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use images::{Descriptor, IngestError, PackedLayer, Reference};

use crate::blob::{self, Wanted};
use crate::error::RegistryError;
use crate::progress::Event;
use crate::pull::{Stores, short};
use crate::pull_error::PullError;
use crate::registry::Client;

impl Client<'_> {
    /// Those of `layers` that all repositories have that they are said to be in. What one has lost, and who does not answer, is
    /// told; nobody is asked again who did not.
    pub fn still_has<'l>(&self, layers: &'l [PackedLayer]) -> Vec<&'l PackedLayer> {
        let (mut silent, mut lost) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
        let mut has = |name: &Reference, blob: &Descriptor| {
            if silent.contains(name.domain()) || silent.contains(&name.name()) {
                return false;
            }
            match self.has(name, blob) {
                Ok(true) => true,
                Ok(false) => {
                    *lost.entry(name.name()).or_default() += 1;
                    false
                }
                Err(error) => {
                    // What it refuses about one repository says nothing of the others.
                    let refused = matches!(error, RegistryError::Refused { .. } | RegistryError::Unauthorized { .. });
                    let of = if refused { name.name() } else { name.domain().to_owned() };
                    self.progress.event(Event::Warning(&format!("nothing of {of} is dropped: {error}")));
                    silent.insert(of);
                    false
                }
            }
        };
        let all = |layer: &&PackedLayer| {
            let repositories: BTreeMap<String, &Reference> =
                layer.names.iter().map(|name| (name.name(), name)).collect();
            repositories.into_values().all(|name| has(name, &layer.blob))
        };
        let found = layers.iter().filter(all).collect();
        for (name, layers) in lost {
            self.progress.event(Event::Warning(&format!("{name} no longer has layers that it had: {layers}")));
        }
        found
    }

    fn has(&self, name: &Reference, blob: &Descriptor) -> Result<bool, RegistryError> {
        self.registry(name.domain())?.has_whole_blob(name.path(), blob)
    }

    /// Sees to it that the bytes of a packed layer are here, from the first that has them of the registries that know it.
    ///
    /// # Errors
    /// [`PullError`] of the last one that was asked.
    pub fn fetch_dropped(&self, stores: Stores, layer: &PackedLayer) -> Result<(), PullError> {
        let PackedLayer { blob, names, .. } = layer;
        let ingest = stores.images.ingest(stores.layers)?;
        let id = short(&blob.digest);
        ingest.blob(blob, |download| {
            let mut failed = PullError::from(IngestError::Missing(format!("blob {}", blob.digest)));
            for name in names {
                let wanted = Wanted { repository: name.path(), blob, id: &id, stop: &AtomicBool::new(false) };
                for source in self.sources(name.domain())? {
                    match blob::fetch(&source, &wanted, download) {
                        Ok(()) => return Ok(()),
                        Err(error) => failed = error.about(&name.familiar(), &name.familiar_name(), name.domain()),
                    }
                }
            }
            Err(failed)
        })?;
        Ok(())
    }
}
