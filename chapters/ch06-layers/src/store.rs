//! Layers on disk, each unpacked once and named by the digest of its archive.
//!
//! ```text
//! layers/<64 digits>/diff/        the files
//! layers/<64 digits>/layer.json   {"size": bytes of the files, "entries": of the archive}
//! ```
//!
//! A layer is there or not: it is unpacked in a directory for what is on its way, written to the disk, and renamed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::unistd::syncfs;
use serde::{Deserialize, Serialize};

use crate::atomic::{Durability, read_json, sync_directory, write_json};
use crate::compression::Plain;
use crate::data_root::DataRoot;
use crate::diff_id::DiffId;
use crate::disk_error::DiskError;
use crate::error::LayerError;
use crate::held::Held;
use crate::pack::create_tar_in;
use crate::unpack::{UnpackLimits, apply_tar};
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
        let staging = Staging(Some(self.root.staging()?));
        let diff = staging.path().join("diff");
        fs::create_dir(&diff).map_err(DiskError::at("create", &diff))?;
        let applied = apply_tar(Plain::new(archive)?, &diff, &self.limits)?;
        let layer = self.publish(staging, applied.diff_id, Record { size: applied.size, entries: applied.entries })?;
        // ANCHOR_END: import
        process::step!(6, "layer {} unpacked: {} entries, {} bytes", layer.diff_id, layer.entries, layer.size);
        Ok(layer)
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
        let gone = || LayerError::NotFound(diff_id.to_string());
        let mut layer = Held::take(&self.layers.join(diff_id.hex()))?.ok_or_else(gone)?;
        self.root.discard(&mut layer)?;
        Ok(layer.remove()?)
    }

    fn publish(&self, mut staging: Staging, diff_id: DiffId, record: Record) -> Result<Layer, LayerError> {
        if let Ok(layer) = self.get(&diff_id) {
            return Ok(layer);
        }
        let source = staging.path();
        write_json(&source.join("layer.json"), &record, Durability::Death)?;
        // One call for all files, instead of an fsync for each.
        let directory = File::open(source).map_err(DiskError::at("open", source))?;
        syncfs(&directory).map_err(DiskError::at("sync", source))?;
        let target = self.layers.join(diff_id.hex());
        match staging.publish(&target) {
            // The same layer, by another import.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return self.get(&diff_id),
            other => other.map_err(DiskError::at("create", &target))?,
        }
        sync_directory(&self.layers)?;
        let Record { size, entries } = record;
        Ok(Layer { diff_id, size, entries, path: target.join("diff") })
    }
}

/// A layer on its way in; if it does not arrive, it is removed.
#[derive(Debug)]
struct Staging(Option<Held>);

impl Staging {
    fn path(&self) -> &Path {
        self.0.as_ref().expect("present until it is published").path()
    }

    fn publish(&mut self, target: &Path) -> io::Result<()> {
        self.0.as_mut().expect("present until it is published").rename(target)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is rubbish.
        let _ = self.0.take().map(Held::remove);
    }
}
