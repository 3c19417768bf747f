//! Layers on disk, each unpacked once and named by the digest of its archive.
//!
//! ```text
//! layers/<64 digits>/diff/        the files
//! layers/<64 digits>/layer.json   {"size": bytes of the files, "entries": of the archive}
//! layers/tmp/                     layers on their way in or out
//! ```
//!
//! A layer is there or not: it is unpacked below `tmp`, written to the disk, and renamed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::unistd::syncfs;
use serde::{Deserialize, Serialize};

use crate::compression::Plain;
use crate::diff_id::DiffId;
use crate::error::LayerError;
use crate::pack::create_tar;
use crate::removal::remove_all;
use crate::unpack::{UnpackLimits, apply_tar};

/// A layer that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub diff_id: DiffId,
    /// Bytes of all regular files.
    pub size: u64,
    /// Entries of its archive.
    pub entries: u64,
    /// The directory with its files: one of an overlay's lower layers.
    pub path: PathBuf,
}

/// What `layer.json` has.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Record {
    size: u64,
    entries: u64,
}

/// All layers below one directory.
#[derive(Debug, Clone)]
pub struct LayerStore {
    layers: PathBuf,
    limits: UnpackLimits,
}

impl LayerStore {
    /// The store in `root`, which is made if missing. What a killed import has left is removed, unless one is under way.
    ///
    /// # Errors
    /// [`LayerError::Io`].
    pub fn open(root: impl AsRef<Path>) -> Result<Self, LayerError> {
        let store = Self { layers: root.as_ref().join("layers"), limits: UnpackLimits::default() };
        let tmp = store.tmp();
        match fs::read_dir(&tmp) {
            Ok(mut left) => {
                if left.next().is_some() {
                    store.sweep()?;
                }
            }
            Err(_) => fs::create_dir_all(&tmp).map_err(LayerError::io("create", &tmp))?,
        }
        Ok(store)
    }

    /// The same store, with other limits for what comes in.
    #[must_use]
    pub fn with_limits(self, limits: UnpackLimits) -> Self {
        Self { limits, ..self }
    }

    /// Unpacks an archive, plain or compressed by gzip, bzip2, xz or zstd. A layer that is here already is not written again.
    ///
    /// # Errors
    /// [`LayerError`]; nothing is left behind.
    // ANCHOR: import
    pub fn import(&self, archive: impl Read) -> Result<Layer, LayerError> {
        let staging = self.staging()?;
        let diff = staging.path().join("diff");
        fs::create_dir(&diff).map_err(LayerError::io("create", &diff))?;
        let applied = apply_tar(Plain::new(archive)?, &diff, &self.limits)?;
        let layer = self.publish(&staging, applied.diff_id, Record { size: applied.size, entries: applied.entries })?;
        process::step!(6, "layer {} unpacked: {} entries, {} bytes", layer.diff_id, layer.entries, layer.size);
        Ok(layer)
    }
    // ANCHOR_END: import

    /// The directory `tree` as a layer. Nobody may write to it meanwhile.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn import_directory(&self, tree: &Path) -> Result<Layer, LayerError> {
        let (mut reader, writer) = io::pipe().map_err(LayerError::Read)?;
        std::thread::scope(|scope| {
            let packing = scope.spawn(move || create_tar(tree, io::BufWriter::with_capacity(1 << 16, writer)));
            let imported = self.import(&mut reader);
            // After an error the archive has to go somewhere: a write into a closed pipe could end the process.
            let drained = io::copy(&mut reader, &mut io::sink());
            match packing.join() {
                Ok(packed) => packed?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            drained.map_err(LayerError::Read)?;
            imported
        })
    }

    /// The layer of this name.
    ///
    /// # Errors
    /// [`LayerError::NotFound`], [`LayerError::Damaged`].
    pub fn get(&self, diff_id: &DiffId) -> Result<Layer, LayerError> {
        let directory = self.layers.join(diff_id.hex());
        let path = directory.join("layer.json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayerError::NotFound(diff_id.to_string()));
            }
            other => other.map_err(LayerError::io("read", &path))?,
        };
        let Record { size, entries } =
            serde_json::from_slice(&bytes).map_err(|source| LayerError::Damaged { path, source })?;
        Ok(Layer { diff_id: diff_id.clone(), size, entries, path: directory.join("diff") })
    }

    /// Every layer, sorted by name.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn list(&self) -> Result<Vec<Layer>, LayerError> {
        let mut list = Vec::new();
        for entry in fs::read_dir(&self.layers).map_err(LayerError::io("read", &self.layers))? {
            let name = entry.map_err(LayerError::io("read", &self.layers))?.file_name();
            // `tmp` is none.
            let Ok(diff_id) = format!("sha256:{}", name.to_string_lossy()).parse() else { continue };
            match self.get(&diff_id) {
                // Removed meanwhile.
                Err(LayerError::NotFound(_)) => {}
                other => list.push(other?),
            }
        }
        list.sort_by(|a, b| a.diff_id.cmp(&b.diff_id));
        Ok(list)
    }

    /// Removes a layer. That no image needs it and no container has it mounted is the caller's to know.
    ///
    /// # Errors
    /// [`LayerError::NotFound`], [`LayerError::Io`].
    pub fn remove(&self, diff_id: &DiffId) -> Result<(), LayerError> {
        let staging = self.staging()?;
        let directory = self.layers.join(diff_id.hex());
        match fs::rename(&directory, staging.path().join("removed")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LayerError::NotFound(diff_id.to_string())),
            other => other.map_err(LayerError::io("remove", &directory)),
        }
    }

    fn publish(&self, staging: &Staging, diff_id: DiffId, record: Record) -> Result<Layer, LayerError> {
        let source = staging.path();
        let json = source.join("layer.json");
        let bytes = serde_json::to_vec(&record).map_err(|source| LayerError::Damaged { path: json.clone(), source })?;
        fs::write(&json, bytes).map_err(LayerError::io("write", &json))?;
        let target = self.layers.join(diff_id.hex());
        if let Ok(layer) = self.get(&diff_id) {
            return Ok(layer);
        }
        // One call for all files, instead of an fsync for each.
        let directory = File::open(source).map_err(LayerError::io("open", source))?;
        syncfs(&directory).map_err(|errno| LayerError::io("sync", source)(errno.into()))?;
        match fs::rename(source, &target) {
            // The same layer, by another import.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return self.get(&diff_id),
            other => other.map_err(LayerError::io("create", &target))?,
        }
        let layers = File::open(&self.layers).map_err(LayerError::io("open", &self.layers))?;
        layers.sync_all().map_err(LayerError::io("sync", &self.layers))?;
        let Record { size, entries } = record;
        Ok(Layer { diff_id, size, entries, path: target.join("diff") })
    }

    fn tmp(&self) -> PathBuf {
        self.layers.join("tmp")
    }

    fn staging(&self) -> Result<Staging, LayerError> {
        let tmp = self.tmp();
        let lock = File::open(&tmp).map_err(LayerError::io("open", &tmp))?;
        lock.lock_shared().map_err(LayerError::io("lock", &tmp))?;
        let made = tempfile::Builder::new().prefix("layer-").tempdir_in(&tmp);
        let directory = made.map_err(LayerError::io("create a directory in", &tmp))?.keep();
        Ok(Staging { directory, _lock: lock })
    }

    /// Removes all of `tmp`, unless somebody is at work there: they hold a shared lock, which their death gives back.
    fn sweep(&self) -> Result<(), LayerError> {
        let tmp = self.tmp();
        let lock = File::open(&tmp).map_err(LayerError::io("open", &tmp))?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        for left in fs::read_dir(&tmp).map_err(LayerError::io("read", &tmp))? {
            let path = left.map_err(LayerError::io("read", &tmp))?.path();
            remove_all(&path).map_err(|errno| LayerError::io("remove", &path)(errno.into()))?;
        }
        Ok(())
    }
}

/// A directory of ours below `tmp`, and the right to it.
#[derive(Debug)]
struct Staging {
    directory: PathBuf,
    _lock: File,
}

impl Staging {
    fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Renamed, most of the time. What cannot be removed now, the next sweep tries again.
        let _ = remove_all(&self.directory);
    }
}
