//! The two directories that a container writes to: what it writes, and overlayfs' workshop.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::disk_error::DiskError;
use crate::removal::remove_all;

/// A container's own layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upper {
    /// What the container changes.
    pub upper: PathBuf,
    /// On the same file system: files are made complete in here, and renamed.
    pub work: PathBuf,
}

impl Upper {
    /// Where the two of a container are whose directory is `dir`.
    pub fn at(dir: &Path) -> Self {
        Self { upper: dir.join("upper"), work: dir.join("work") }
    }

    /// Makes `upper` and `work` in `dir`. The root directory of the container is the upper one's: it gets the owner and
    /// the mode of `lower_root`, the topmost layer's. An upper directory that exists is used on; `work` starts anew, so
    /// that a volatile overlay may be mounted again.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn create(dir: &Path, lower_root: Option<&Path>) -> Result<Self, DiskError> {
        let made = Self::at(dir);
        match fs::create_dir(&made.upper) {
            Ok(()) => made.take_after(lower_root)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove(&made.work)?,
            Err(error) => return Err(DiskError::at("create", &made.upper)(error)),
        }
        fs::create_dir(&made.work).map_err(DiskError::at("create", &made.work))?;
        Ok(made)
    }

    /// Removes both, with all that is in them; what is gone is removed. Nothing may be mounted on them any more.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn remove(dir: &Path) -> Result<(), DiskError> {
        remove(&dir.join("work"))?;
        remove(&dir.join("upper"))
    }

    fn take_after(&self, lower_root: Option<&Path>) -> Result<(), DiskError> {
        let (mode, owner) = match lower_root {
            Some(path) => {
                let metadata = fs::metadata(path).map_err(DiskError::at("look at", path))?;
                (metadata.mode() & 0o7777, Some((metadata.uid(), metadata.gid())))
            }
            None => (0o755, None),
        };
        if let Some((uid, gid)) = owner {
            chown(&self.upper, Some(uid), Some(gid)).map_err(DiskError::at("set the owner of", &self.upper))?;
        }
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(&self.upper, mode).map_err(DiskError::at("set the mode of", &self.upper))
    }
}

fn remove(path: &Path) -> Result<(), DiskError> {
    remove_all(path).map_err(DiskError::at("remove", path))
}
