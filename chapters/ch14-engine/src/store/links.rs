//! Who has which name. A name is a link to an id: it is made with its content in one step, or not at all, and `ls -l` shows
//! who has it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use layers::{DiskError, Lock, Rank};

use crate::names;
use crate::state::StateError;

/// The directory of the links.
#[derive(Debug, Clone)]
pub(super) struct Links(PathBuf);

impl Links {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The id that a name leads to.
    pub(super) fn owner(&self, name: &str) -> Option<String> {
        fs::read_link(self.0.join(name)).ok().map(|id| id.to_string_lossy().into_owned())
    }

    /// Every name, with the id that it leads to.
    pub(super) fn all(&self) -> Result<Vec<(String, String)>, DiskError> {
        let failed = |error| DiskError::at("read", &self.0)(error);
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let id = self.owner(&name).unwrap_or_default();
            all.push((name, id));
        }
        Ok(all)
    }

    /// Gives a container that was given no name the first free one of those made up for it.
    pub(super) fn claim_some(&self, id: &str) -> Result<String, DiskError> {
        let byte = |at: usize| u8::from_str_radix(&id[at..at + 2], 16).unwrap_or_default();
        for attempt in 0.. {
            let name = names::generate([byte(60), byte(62)], attempt);
            let path = self.0.join(&name);
            match symlink(id, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|()| name).map_err(DiskError::at("claim the name", &path)),
            }
        }
        unreachable!("every attempt gives another name")
    }

    /// Gives a container this name. A link means nothing if `owns` says of the id it leads to that it has another name.
    pub(super) fn claim(&self, name: &str, id: &str, owns: impl Fn(&str) -> bool) -> Result<(), StateError> {
        let path = self.0.join(name);
        let _lock = Lock::wait(Rank::Names, &self.0)?;
        loop {
            match symlink(id, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return Ok(other.map_err(DiskError::at("claim the name", &path))?),
            }
            let owner = self.owner(name).unwrap_or_default();
            if owner == id {
                return Ok(());
            }
            if owns(&owner) {
                return Err(StateError::NameTaken { name: name.into(), id: owner });
            }
            remove_link(&path)?;
        }
    }

    /// Gives a name back, if it is this container's.
    pub(super) fn release(&self, name: &str, id: &str) -> Result<(), DiskError> {
        let path = self.0.join(name);
        // Between the look and the removal nobody else may take it.
        let _lock = Lock::wait(Rank::Names, &self.0)?;
        if fs::read_link(&path).is_ok_and(|owner| owner == Path::new(id)) { remove_link(&path) } else { Ok(()) }
    }
}

fn remove_link(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(DiskError::at("remove", path)),
    }
}
