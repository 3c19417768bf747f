//! How the first version kept its data, which it did not number: what of it is ours, and what has to be moved.
//!
//! ```text
//! images/ layers/ containers/ seccomp/ tmp/   open to the host's users
//! layers/tmp/                                 now tmp/
//! repositories.json lock                      now images/repositories.json
//! run/ or /run/mini-docker                    names/ and containers/, now below the data root
//! ```

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::atomic::sync_directory;
use crate::disk_error::DiskError;
use crate::held::fresh;
use crate::removal::remove_all;

/// Everything that it made in a data root.
pub(crate) const NAMES: [&str; 8] =
    ["images", "layers", "containers", "run", "seccomp", "tmp", "repositories.json", "lock"];

/// Why its data cannot be taken over.
#[derive(Debug, Error)]
pub enum FirstVersionError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What it runs, it also cleans up.
    #[error("a container of the first version of mini-docker still runs: {0}")]
    Running(PathBuf),
}

impl Diagnose for FirstVersionError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Disk(error) = self { Some(error) } else { None }
    }

    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Running(_)).then_some(FailureKind::Conflict)
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Running(_)).then(|| "end it, then try again".into())
    }
}

/// Whether it was at work in `data`: it made both of these before anything else.
pub(crate) fn is_here(data: &Path) -> bool {
    ["images", "layers/tmp"].iter().all(|name| data.join(name).is_dir())
}

/// Nobody but root enters its directories any more.
pub(crate) fn close(data: &Path) -> Result<(), DiskError> {
    for path in NAMES.iter().map(|name| data.join(name)).filter(|path| path.is_dir()) {
        fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(DiskError::at("close", &path))?;
    }
    Ok(())
}

/// Moves what has another place now. Every step can be done again.
pub(crate) fn bring_forward(data: &Path, run: &Path) -> Result<(), FirstVersionError> {
    if let Some(path) = running(&data.join("containers"))? {
        return Err(FirstVersionError::Running(path));
    }
    move_table(data)?;
    for path in ["names", "containers"].map(|name| run.join(name)) {
        remove_all(&path).map_err(DiskError::at("remove", &path))?;
    }
    let staging = data.join("layers/tmp");
    // An import that is under way holds this; it ends before we go on.
    let _import = wait_for(&staging)?;
    for left in fs::read_dir(&staging).map_err(DiskError::at("read", &staging))? {
        let left = left.map_err(DiskError::at("read", &staging))?.path();
        fs::rename(&left, fresh(&data.join("tmp"))).map_err(DiskError::at("rename", &left))?;
    }
    Ok(())
}

/// After the new version is written down: this directory is how the first one is known.
pub(crate) fn forget(data: &Path) {
    let _ = fs::remove_dir(data.join("layers/tmp"));
}

/// The table of images goes to the images.
fn move_table(data: &Path) -> Result<(), DiskError> {
    let (lock, table, images) = (data.join("lock"), data.join("repositories.json"), data.join("images"));
    let _held = if lock.exists() { Some(wait_for(&lock)?) } else { None };
    match fs::rename(&table, images.join("repositories.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other.map_err(DiskError::at("rename", &table))?,
    }
    sync_directory(&images)?;
    remove_all(&lock).map_err(DiskError::at("remove", &lock))
}

/// A container whose engine lives: it holds the file `lock` in the container's directory.
fn running(containers: &Path) -> Result<Option<PathBuf>, DiskError> {
    let entries = match fs::read_dir(containers) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(DiskError::at("read", containers))?,
    };
    for entry in entries {
        let path = entry.map_err(DiskError::at("read", containers))?.path();
        if File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_err()) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn wait_for(path: &Path) -> Result<File, DiskError> {
    let file = File::open(path).map_err(DiskError::at("open", path))?;
    file.lock().map_err(DiskError::at("lock", path))?;
    Ok(file)
}
