//! Layers on disk, each unpacked once and named by the digest of its archive.
//!
//! ```text
//! layers/<64 digits>/diff/        the files
//! layers/<64 digits>/layer.json   {"size": bytes of the files, "entries": of the archive}
//! ```
//!
//! A layer is there or not: it is unpacked in a directory for what is on its way, written to the disk, and renamed.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic::{Durability, read_json, sync_directory, sync_file_system, write_json};
use crate::compression::Plain;
use crate::data_root::DataRoot;
use crate::digest::DiffId;
use crate::disk_error::DiskError;
use crate::error::LayerError;
use crate::hashing::Hashing;
use crate::held::Held;
use crate::pack::create_tar_in;
use crate::relay::relayed;
use crate::staging::{Staged, Staging};
use crate::unpack::{Applied, UnpackLimits, apply_tar};
use crate::view::View;

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

/// All layers of a data root.
#[derive(Debug, Clone)]
pub struct LayerStore {
    root: DataRoot,
    layers: PathBuf,
    limits: UnpackLimits,
}

impl LayerStore {
    /// The store in `root`.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn open(root: &DataRoot) -> Result<Self, DiskError> {
        Ok(Self { layers: root.directory("layers")?, root: root.clone(), limits: UnpackLimits::default() })
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
    pub fn import(&self, archive: impl Read) -> Result<Layer, LayerError> {
        // ANCHOR: import
        let staged = self.unpack(Plain::new(archive)?)?;
        let layer = self.layer(&staged);
        self.publish(vec![staged])?;
        // ANCHOR_END: import
        Ok(layer)
    }

    /// Unpacks an archive out of sight, in two threads: [`publish`](Self::publish) makes a layer of it. What is not
    /// published is removed.
    ///
    /// # Errors
    /// [`LayerError`]; nothing is left behind.
    pub fn stage(&self, archive: impl Read + Send) -> Result<Staged, LayerError> {
        relayed(Plain::new(archive)?, |plain| self.unpack(plain))
    }

    /// The name of the layer that [`stage`](Self::stage) would make, without making it.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn diff_id_of(&self, archive: impl Read + Send) -> Result<DiffId, LayerError> {
        relayed(Plain::new(archive)?, |plain| {
            let mut hashing = Hashing::new(plain);
            let mut limited = hashing.by_ref().take(self.limits.bytes.saturating_add(1));
            io::copy(&mut limited, &mut io::sink()).map_err(LayerError::Read)?;
            if limited.limit() == 0 { Err(LayerError::TooLarge(self.limits.bytes)) } else { Ok(hashing.finish()) }
        })
    }

    fn unpack(&self, plain: impl Read) -> Result<Staged, LayerError> {
        let staged = Staging::new(self.root.staging()?);
        let diff = staged.path().join("diff");
        fs::create_dir(&diff).map_err(DiskError::at("create", &diff))?;
        let Applied { diff_id, size, entries } = apply_tar(plain, &diff, &self.limits)?;
        write_json(&staged.path().join("layer.json"), &Record { size, entries }, Durability::Death)?;
        process::step!(6, "layer {diff_id} unpacked: {entries} entries, {size} bytes");
        Ok(Staged { staging: staged, diff_id, size, entries })
    }

    /// What becomes of a layer on its way in.
    fn layer(&self, staged: &Staged) -> Layer {
        let path = self.layers.join(staged.diff_id.hex()).join("diff");
        Layer { diff_id: staged.diff_id.clone(), size: staged.size, entries: staged.entries, path }
    }

    /// The directory `tree` as a layer. Nobody may write to it meanwhile.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn import_directory(&self, tree: &Path) -> Result<Layer, LayerError> {
        self.import_upper(tree, &View::default())
    }

    /// The same, looked at in a certain way.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn import_upper(&self, tree: &Path, view: &View) -> Result<Layer, LayerError> {
        let (mut reader, writer) = io::pipe().map_err(LayerError::Read)?;
        std::thread::scope(|scope| {
            let packing = scope.spawn(move || create_tar_in(tree, view, io::BufWriter::with_capacity(1 << 16, writer)));
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
        let record = read_json(&directory.join("layer.json"))?;
        let Record { size, entries } = record.ok_or_else(|| LayerError::NotFound(diff_id.to_string()))?;
        Ok(Layer { diff_id: diff_id.clone(), size, entries, path: directory.join("diff") })
    }

    /// Where they are.
    pub(crate) fn directory(&self) -> &Path {
        &self.layers
    }

    /// Every layer, sorted by name.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn list(&self) -> Result<Vec<Layer>, LayerError> {
        let mut list = Vec::new();
        for entry in fs::read_dir(&self.layers).map_err(DiskError::at("read", &self.layers))? {
            let name = entry.map_err(DiskError::at("read", &self.layers))?.file_name();
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
    /// [`LayerError::NotFound`], [`LayerError::Disk`].
    pub fn remove(&self, diff_id: &DiffId) -> Result<(), LayerError> {
        match self.discard(diff_id)? {
            Some(layer) => Ok(layer.remove()?),
            None => Err(LayerError::NotFound(diff_id.to_string())),
        }
    }

    /// Takes a layer out of sight, which takes no time; to remove it does. `None` if it is not here.
    ///
    /// # Errors
    /// [`LayerError::Disk`].
    pub fn discard(&self, diff_id: &DiffId) -> Result<Option<Held>, LayerError> {
        let Some(mut layer) = Held::take(&self.layers.join(diff_id.hex()))? else { return Ok(None) };
        self.root.discard(&mut layer)?;
        Ok(Some(layer))
    }

    /// Makes layers of what was staged: all are on the disk before any can be seen. Those that are here already stay as
    /// they are. Whether there was anything to wait for: everything else of this file system has then got there, too.
    ///
    /// # Errors
    /// [`LayerError::Disk`]; some of them may be there then, each of them whole.
    // ANCHOR: publish
    pub fn publish(&self, staged: Vec<Staged>) -> Result<bool, LayerError> {
        let new = |staged: &Staged| self.get(&staged.diff_id).is_err();
        let mut staged: Vec<Staged> = staged.into_iter().filter(new).collect();
        let Some(first) = staged.first() else { return Ok(false) };
        let source = first.staging.path();
        process::fault!("sync layers").map_err(DiskError::at("sync", source))?;
        // One call for all files, instead of an fsync for each.
        sync_file_system(source)?;
        for layer in &mut staged {
            let target = self.layers.join(layer.diff_id.hex());
            process::fault!("publish a layer").map_err(DiskError::at("create", &target))?;
            match layer.staging.publish(&target) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    // The same layer, by another import; or one that is damaged.
                    if self.get(&layer.diff_id).is_err() {
                        self.discard(&layer.diff_id)?;
                        layer.staging.publish(&target).map_err(DiskError::at("create", &target))?;
                    }
                }
                other => other.map_err(DiskError::at("create", &target))?,
            }
        }
        sync_directory(&self.layers)?;
        Ok(true)
    }
    // ANCHOR_END: publish
}
