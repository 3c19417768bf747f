//! The engine: a data root, and the stores in it. What it can do stands in the files beside this one, one for each kind of
//! command.

use std::io::Read;
use std::path::Path;

use images::{ContainerConfig, Image, ImageStore, ImageStoreError, Reference};
use layers::{DataRoot, DiffId, LayerStore};
use process::Failure;

use crate::bootstrap::{self, Progress, Suite};
use crate::commit;
use crate::events::Journal;
use crate::import::{self, ImportWish};
use crate::saved;
use crate::state;
use crate::store::Store;

/// All commands on one data root.
#[derive(Debug)]
pub struct Engine {
    root: DataRoot,
    store: Store,
    images: ImageStore,
    layers: LayerStore,
    journal: Journal,
}

impl Engine {
    /// Opens the stores in the data root at `path`, and removes what commands that were killed have left.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let root = DataRoot::open(path)?;
        let (images, layers) = (ImageStore::open(&root)?, LayerStore::open(&root)?);
        let store = Store::open(&root)?;
        for left in root.rubbish()? {
            if let Some(id) = state::id_of_discarded(left.path()) {
                cgroups::remove_abandoned(&saved::group_of(left.path(), id));
            }
            left.remove()?;
        }
        let journal = Journal::open(&root)?;
        Ok(Self { root, store, images, layers, journal })
    }

    /// Whether the name is a good one, and no image has it.
    pub fn lacks_image(&self, name: &str) -> bool {
        matches!(self.images.find(name), Err(ImageStoreError::NotFound(_)))
    }

    /// Bytes of all layers of an image, as files.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn image_size(&self, image: &Image) -> Result<u64, Failure> {
        image
            .config
            .rootfs
            .diff_ids
            .iter()
            .map(|id| -> Result<u64, Failure> { Ok(self.layers.get(&id.parse::<DiffId>()?)?.size) })
            .sum()
    }

    /// Where the data is.
    pub fn root(&self) -> &DataRoot {
        &self.root
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn images_store(&self) -> &ImageStore {
        &self.images
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn layers(&self) -> &LayerStore {
        &self.layers
    }

    /// An image out of a tar archive, with what instructions say of it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn import(
        &self,
        archive: impl Read + Send,
        reference: Option<&Reference>,
        wish: &ImportWish,
    ) -> Result<Image, Failure> {
        let config = commit::changed(&ContainerConfig::default(), &wish.changes)?;
        Ok(import::import(archive, reference, config, wish, (&self.layers, &self.images))?)
    }

    /// An image out of this machine's static busybox.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn bootstrap_busybox(&self, reference: &Reference) -> Result<Image, Failure> {
        let (config, wish) = (shell_image("sh"), ImportWish::default());
        Ok(import::import(bootstrap::busybox()?, Some(reference), config, &wish, (&self.layers, &self.images))?)
    }

    /// An image of a Debian release, by debootstrap.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn bootstrap_debian(
        &self,
        reference: &Reference,
        suite: &Suite,
        progress: &mut dyn Progress,
    ) -> Result<Image, Failure> {
        let scratch = self.root.staging()?;
        let made = bootstrap::debian(suite, scratch.path(), progress).map_err(Failure::from);
        let layer = made.and_then(|()| Ok(self.layers.import_directory(scratch.path())?));
        scratch.remove()?;
        let layer = layer?;
        let created = jiff::Timestamp::now().to_string();
        let config = images::ImageConfig::new(created, vec![layer.diff_id.to_string()], shell_image("bash"));
        Ok(self.images.put(Some(reference), config, None)?)
    }
}

fn shell_image(shell: &str) -> ContainerConfig {
    ContainerConfig {
        env: Some(vec![format!("PATH={}", process::DEFAULT_PATH)]),
        cmd: Some(vec![shell.into()]),
        ..ContainerConfig::default()
    }
}
