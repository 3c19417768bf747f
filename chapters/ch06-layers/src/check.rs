//! What is wrong with what is stored, and what can be done about it.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::data_root::DataRoot;
use crate::digest::DiffId;
use crate::disk_error::DiskError;
use crate::error::LayerError;
use crate::removal::remove_all;
use crate::store::LayerStore;

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// With what: `layer 0123…`, `image busybox:latest`.
    pub object: String,
    /// What.
    pub text: String,
    /// What can be done.
    pub cure: Cure,
}

/// What can be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Cure {
    /// To remove this: it is of no use to anybody.
    Remove(PathBuf),
    /// To unpack this layer again, out of the archive that is kept.
    Unpack(DiffId, PathBuf),
    /// Something that is not ours to decide.
    ByHand(&'static str),
}

impl Fault {
    /// A fault.
    pub fn new(object: impl Into<String>, text: impl Into<String>, cure: Cure) -> Self {
        Self { object: object.into(), text: text.into(), cure }
    }

    /// Does what can be done; whether that was anything.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn repair(&self, root: &DataRoot) -> Result<bool, LayerError> {
        match &self.cure {
            Cure::Remove(path) => {
                let gone = root.discard_unmarked(path)?;
                remove_all(&gone).map_err(DiskError::at("remove", gone))?;
                Ok(true)
            }
            Cure::Unpack(diff_id, archive) => {
                let layers = LayerStore::open(root)?;
                let staged = layers.stage(File::open(archive).map_err(DiskError::at("open", archive))?)?;
                if staged.diff_id != *diff_id {
                    return Ok(false);
                }
                layers.publish(vec![staged])?;
                Ok(true)
            }
            Cure::ByHand(_) => Ok(false),
        }
    }
}

impl LayerStore {
    /// Every layer that is not one.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn check(&self) -> Result<Vec<Fault>, DiskError> {
        let directory = self.directory();
        let mut faults = Vec::new();
        for entry in fs::read_dir(directory).map_err(DiskError::at("read", directory))? {
            let path = entry.map_err(DiskError::at("read", directory))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let object = format!("layer {name}");
            let cure = || Cure::Remove(path.clone());
            match format!("sha256:{name}").parse::<DiffId>() {
                Err(_) => faults.push(Fault::new(object, "it is not named by a digest", cure())),
                Ok(id) => match self.get(&id) {
                    Err(error) => faults.push(Fault::new(object, error.to_string(), cure())),
                    Ok(layer) if !layer.path.is_dir() => faults.push(Fault::new(object, "it has no files", cure())),
                    Ok(_) => {}
                },
            }
        }
        Ok(faults)
    }
}
