//! Images on disk: a configuration file per image, named by its own digest, and one table of names.
//!
//! ```text
//! images/<64 digits>.json    the image configuration; its sha256 is the image id
//! images/repositories.json   {"busybox:latest": "sha256:…"}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use layers::{DataRoot, DiskError, Durability, Lock, Rank, read_json, write_atomically, write_json};
use process::{Diagnose, FailureKind};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::ImageConfig;
use crate::reference::{Reference, ReferenceError};

/// How many digits of an id people see.
const SHORT: usize = 12;
/// How many an id has.
const DIGITS: usize = 64;

/// What goes wrong with stored images.
#[derive(Debug, Error)]
pub enum ImageStoreError {
    /// No image of that name or id.
    #[error("No such image: {0}")]
    NotFound(String),
    /// Not a name, and not an id.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// An id that several images begin with.
    #[error("ambiguous image id {0:?}: {1} images begin with it")]
    Ambiguous(String, usize),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Diagnose for ImageStoreError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Reference | Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::NotFound(_) => Some(FailureKind::NotFound),
            Self::Ambiguous(..) => Some(FailureKind::Conflict),
            Self::Reference(_) | Self::Disk(_) => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => {
                Some("see what there is: mini-docker image ls; make one: mini-docker image bootstrap busybox".into())
            }
            Self::Ambiguous(..) => Some("give more digits".into()),
            Self::Reference(_) | Self::Disk(_) => None,
        }
    }
}

/// A stored image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// `sha256:` and 64 digits: the digest of the configuration.
    pub id: String,
    /// The configuration.
    pub config: ImageConfig,
}

impl Image {
    /// The 12 digits that people see.
    pub fn short_id(&self) -> &str {
        let digits = self.id.strip_prefix("sha256:").unwrap_or(&self.id);
        &digits[..SHORT.min(digits.len())]
    }
}

/// All images of a data root.
#[derive(Debug, Clone)]
pub struct ImageStore {
    images: PathBuf,
}

impl ImageStore {
    /// The store in `root`.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn open(root: &DataRoot) -> Result<Self, DiskError> {
        Ok(Self { images: root.directory("images")? })
    }

    /// Keeps `config` under `reference`; what had that name before keeps its id only.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn put(&self, reference: &Reference, config: ImageConfig) -> Result<Image, ImageStoreError> {
        let image = self.keep(config)?;
        let _lock = Lock::wait(Rank::Images, &self.images)?;
        let mut names = self.names()?;
        names.insert(reference.familiar(), image.id.clone());
        write_json(&self.table(), &names, Durability::PowerFailure)?;
        Ok(image)
    }

    /// Keeps `config` without a name.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn keep(&self, config: ImageConfig) -> Result<Image, ImageStoreError> {
        let bytes = serde_json::to_vec(&config).map_err(DiskError::at("write an image in", &self.images))?;
        let digits = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        write_atomically(&self.config_path(&digits), &bytes, Durability::PowerFailure)?;
        Ok(Image { id: format!("sha256:{digits}"), config })
    }

    /// The image with this name, id, or beginning of an id.
    ///
    /// # Errors
    /// [`ImageStoreError::NotFound`], [`ImageStoreError::Ambiguous`].
    pub fn find(&self, text: &str) -> Result<Image, ImageStoreError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let plausible = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.parse::<Reference>() {
            Ok(reference) => {
                // Who names a digest wants that image, and not what the tag stands for today.
                let names = self.names()?;
                let named = names.get(&reference.familiar());
                if let Some(id) = named.filter(|id| reference.digest().is_none_or(|digest| digest == *id)) {
                    return self.load(id);
                }
            }
            Err(error) if !plausible => return Err(error.into()),
            Err(_) => {}
        }
        let mut matching: Vec<String> =
            self.ids()?.into_iter().filter(|id| plausible && id.starts_with(digits)).collect();
        match (matching.pop(), matching.len()) {
            (Some(id), 0) => self.load(&id),
            (Some(_), others) => Err(ImageStoreError::Ambiguous(text.into(), others + 1)),
            (None, _) => Err(ImageStoreError::NotFound(text.into())),
        }
    }

    /// Every image with its names (`busybox:latest`), sorted by name, nameless ones last.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn list(&self) -> Result<Vec<(Option<String>, Image)>, ImageStoreError> {
        let names = self.names()?;
        let mut list = Vec::new();
        for (name, id) in &names {
            list.push((Some(name.clone()), self.load(id)?));
        }
        for id in self.ids()?.into_iter().map(|digits| format!("sha256:{digits}")) {
            if !names.values().any(|named| *named == id) {
                list.push((None, self.load(&id)?));
            }
        }
        Ok(list)
    }

    pub(crate) fn load(&self, id: &str) -> Result<Image, ImageStoreError> {
        let digits = id.strip_prefix("sha256:").unwrap_or(id);
        match read_json(&self.config_path(digits))? {
            Some(config) => Ok(Image { id: format!("sha256:{digits}"), config }),
            None => Err(ImageStoreError::NotFound(id.into())),
        }
    }

    pub(crate) fn names(&self) -> Result<BTreeMap<String, String>, ImageStoreError> {
        Ok(read_json(&self.table())?.unwrap_or_default())
    }

    pub(crate) fn ids(&self) -> Result<Vec<String>, ImageStoreError> {
        let entries = fs::read_dir(&self.images).map_err(DiskError::at("read", &self.images))?;
        let mut ids: Vec<String> = entries
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            // The table of names is none.
            .filter(|digits| digits.len() == DIGITS)
            .collect();
        ids.sort();
        Ok(ids)
    }

    pub(crate) fn config_path(&self, digits: &str) -> PathBuf {
        self.images.join(format!("{digits}.json"))
    }

    fn table(&self) -> PathBuf {
        self.images.join("repositories.json")
    }
}
