//! A group that is new, even where a crash has left one of its name.

use std::fs;
use std::path::Path;

use nix::errno::Errno;

use crate::directory::{Directory, create_all};
use crate::error::CgroupError;

/// Makes the group `path`. What is there and empty goes first: its counters are not ours. What is in use stays.
pub(crate) fn fresh(path: &Path) -> Result<Directory, CgroupError> {
    match Directory::make(path.into()) {
        // Only the first container of all finds no parent.
        Err(error) if error.errno() == Errno::ENOENT => {
            if let Some(parent) = path.parent() {
                create_all(parent)?;
            }
            Ok(Directory::make(path.into())?)
        }
        Err(error) if error.errno() == Errno::EEXIST => match fs::remove_dir(path) {
            Ok(()) => Ok(Directory::make(path.into())?),
            Err(_) => Err(CgroupError::InUse { group: path.into() }),
        },
        other => Ok(other?),
    }
}
