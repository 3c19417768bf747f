//! Images on disk: a configuration file per image, named by its own digest, and one table of names.
//!
//! ```text
//! images/<64 digits>.json   the image configuration; its sha256 is the image id
//! repositories.json         {"busybox:latest": "sha256:…"}
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use process::Diagnose;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::ImageConfig;
use crate::reference::{Reference, ReferenceError};

/// How many digits of an id people see.
const SHORT: usize = 12;

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
    #[error("{action} {path}: {source}")]
    Io {
        /// "read", "write", "create".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of ours that is not what we wrote.
    #[error("{path} is damaged: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The place and the reason.
        source: serde_json::Error,
    },
}

impl Diagnose for ImageStoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => {
                Some("see what there is: mini-docker image ls; make one: mini-docker image bootstrap busybox".into())
            }
            Self::Reference(error) => error.hint(),
            Self::Ambiguous(..) => Some("give more digits".into()),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("mini-docker works as root: try sudo".into())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or use another disk with --root".into())
            }
            _ => None,
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

/// All images below one directory.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

impl ImageStore {
    /// The store in `root`, which is made if missing.
    ///
    /// # Errors
    /// [`ImageStoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, ImageStoreError> {
        let images = root.join("images");
        fs::create_dir_all(&images).map_err(|source| ImageStoreError::Io { action: "create", path: images, source })?;
        Ok(Self { root: root.into() })
    }

    /// Keeps `config` under `reference`; what had that name before keeps its id only.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub fn put(&self, reference: &Reference, config: ImageConfig) -> Result<Image, ImageStoreError> {
        let path = self.root.join("images");
        let bytes = serde_json::to_vec(&config).map_err(|source| ImageStoreError::Damaged { path, source })?;
        let digits = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        Self::write(&self.config_path(&digits), &bytes)?;
        let id = format!("sha256:{digits}");
        let lock = self.lock()?;
        let mut names = self.names()?;
        names.insert(reference.familiar(), id.clone());
        let table = self.root.join("repositories.json");
        let bytes = serde_json::to_vec_pretty(&names)
            .map_err(|source| ImageStoreError::Damaged { path: table.clone(), source })?;
        Self::write(&table, &bytes)?;
        drop(lock);
        Ok(Image { id, config })
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
                if let Some(id) = self.names()?.get(&reference.familiar()) {
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

    fn load(&self, id: &str) -> Result<Image, ImageStoreError> {
        let digits = id.strip_prefix("sha256:").unwrap_or(id);
        match read_json(&self.config_path(digits))? {
            Some(config) => Ok(Image { id: format!("sha256:{digits}"), config }),
            None => Err(ImageStoreError::NotFound(id.into())),
        }
    }

    fn names(&self) -> Result<BTreeMap<String, String>, ImageStoreError> {
        Ok(read_json(&self.root.join("repositories.json"))?.unwrap_or_default())
    }

    fn ids(&self) -> Result<Vec<String>, ImageStoreError> {
        let path = self.root.join("images");
        let entries =
            fs::read_dir(&path).map_err(|source| ImageStoreError::Io { action: "read", path: path.clone(), source })?;
        let mut ids: Vec<String> = entries
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect();
        ids.sort();
        Ok(ids)
    }

    fn config_path(&self, digits: &str) -> PathBuf {
        self.root.join("images").join(format!("{digits}.json"))
    }

    fn lock(&self) -> Result<File, ImageStoreError> {
        let path = self.root.join("lock");
        let failed = |source| ImageStoreError::Io { action: "lock", path: path.clone(), source };
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn write(path: &Path, bytes: &[u8]) -> Result<(), ImageStoreError> {
        layers::write_atomically(path, bytes).map_err(|source| ImageStoreError::Io {
            action: "write",
            path: path.into(),
            source,
        })
    }
}

/// `None` if there is no such file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ImageStoreError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| ImageStoreError::Damaged { path: path.into(), source }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ImageStoreError::Io { action: "read", path: path.into(), source }),
    }
}
