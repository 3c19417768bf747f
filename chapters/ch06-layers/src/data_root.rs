//! The directory that everything of ours is in: closed to the host's users, of a known version, and nobody else's.
//!
//! ```text
//! /var/lib/mini-docker    or another directory
//!   mini-docker.json      {"version": 4}
//!   images/ layers/ …     one directory for each store
//!   tmp/                  what is on its way in or out; what nobody holds there is rubbish
//! /run/mini-docker        what a reboot ends; below another data root: run/
//!   tmp/                  the same: /run is a file system of its own, and nothing is renamed from one to another
//! ```
//!
//! Images have setuid programs, and a container's root can make more. In a directory that the host's users can enter,
//! such a file makes them root. So no store makes its directory itself: it asks here, and gets one with mode 0700.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::atomic::{Durability, read_json, write_json};
use crate::disk_error::DiskError;
use crate::first_version::{self, FirstVersionError};
use crate::held::{self, Held};
use crate::lock::{Lock, Rank};

/// The version that this program writes.
const VERSION: u32 = 4;
/// The one before images had blobs.
const THIRD: u32 = 3;
/// The one before containers outlived their command.
const SECOND: u32 = 2;
/// The file that has it.
const RECORD: &str = "mini-docker.json";

/// Why a directory cannot be the data root.
#[derive(Debug, Error)]
pub enum DataRootError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What the first version left.
    #[error(transparent)]
    FirstVersion(#[from] FirstVersionError),
    /// A later program has changed how things are kept.
    #[error("{path} is kept in version {found}, and this program knows versions up to {VERSION}")]
    Newer {
        /// The data root.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The owner could open it to everybody, and could have put anything there.
    #[error("{path} belongs to user {owner}")]
    NotOurs {
        /// The data root.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// It would be closed to whoever uses what else is there.
    #[error("{path} has other files in it ({found}), and a data root is closed to everybody else")]
    OtherFiles {
        /// The directory.
        path: PathBuf,
        /// One of them.
        found: String,
    },
}

impl Diagnose for DataRootError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Disk(error) => Some(error),
            Self::FirstVersion(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Newer { .. } => Some(FailureKind::Unsupported),
            Self::NotOurs { .. } => Some(FailureKind::Denied),
            Self::OtherFiles { .. } => Some(FailureKind::Invalid),
            Self::Disk(_) | Self::FirstVersion(_) => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(_) | Self::FirstVersion(_) => None,
            Self::Newer { .. } => Some("use the newer mini-docker, or another data root".into()),
            Self::NotOurs { .. } if !geteuid().is_root() => Some("mini-docker works as root: try sudo".into()),
            Self::NotOurs { .. } => Some("choose a directory that does not exist yet, or make root its owner".into()),
            Self::OtherFiles { .. } => Some("choose a directory that is empty or does not exist yet".into()),
        }
    }
}

/// What [`RECORD`] has.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Record {
    version: u32,
}

/// The data root.
#[derive(Debug, Clone)]
pub struct DataRoot {
    data: PathBuf,
    run: PathBuf,
}

impl DataRoot {
    /// Where it is by default.
    pub const DEFAULT: &str = "/var/lib/mini-docker";
    const DEFAULT_RUN: &str = "/run/mini-docker";

    /// The data root at `path`, which is made if missing, closed if it is open, and brought to this version.
    ///
    /// # Errors
    /// [`DataRootError`].
    pub fn open(path: &Path) -> Result<Self, DataRootError> {
        let data = std::path::absolute(path).map_err(DiskError::at("find", path))?;
        let run = if data == Path::new(Self::DEFAULT) { Self::DEFAULT_RUN.into() } else { data.join("run") };
        let root = Self { data, run };
        let directory = root.make()?;
        match read_json(&root.data.join(RECORD))? {
            Some(Record { version: VERSION }) => close(&directory, &root.data)?,
            record => root.bring_forward(&directory, record)?,
        }
        root.directory("tmp")?;
        Ok(root)
    }

    /// The path of the data root, for people.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// The directory `name` of a store, made and closed.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn directory(&self, name: &str) -> Result<PathBuf, DiskError> {
        closed(self.data.join(name))
    }

    /// The same for what a reboot ends.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn run_directory(&self) -> Result<PathBuf, DiskError> {
        if let Some(parent) = self.run.parent().filter(|parent| !parent.exists()) {
            fs::create_dir_all(parent).map_err(DiskError::at("create", parent))?;
        }
        closed(self.run.clone())
    }

    /// A new directory for what is on its way in: it is renamed when it is complete, and rubbish if we die.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn staging(&self) -> Result<Held, DiskError> {
        Held::create(&held::fresh(&self.tmp()))
    }

    /// The same below `directory`, which is made if missing, for whoever wants it to be found there.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn held_in(&self, directory: &Path) -> Result<Held, DiskError> {
        Held::create(&held::fresh(&closed(directory.into())?))
    }

    /// Takes a directory out of everybody's sight. To remove it can wait, and if nobody does, it is rubbish.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn discard(&self, directory: &mut Held) -> Result<(), DiskError> {
        process::fault!("discard a held directory").map_err(DiskError::at("remove", directory.path()))?;
        directory.discard(&self.tmp_beside(directory.path())?)
    }

    /// The same for one that has no mark. Where it is now.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn discard_unmarked(&self, directory: &Path) -> Result<PathBuf, DiskError> {
        process::fault!("discard a directory").map_err(DiskError::at("remove", directory))?;
        let target = held::out_of_sight(&self.tmp_beside(directory)?, directory);
        fs::rename(directory, &target).map_err(DiskError::at("remove", directory))?;
        Ok(target)
    }

    /// What killed commands have left on its way, to be removed.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn rubbish(&self) -> Result<Vec<Held>, DiskError> {
        let mut rubbish = Vec::new();
        for tmp in [self.tmp(), self.run_tmp()] {
            let entries = match fs::read_dir(&tmp) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(DiskError::at("read", &tmp))?,
            };
            for entry in entries {
                rubbish.extend(Held::take(&entry.map_err(DiskError::at("read", &tmp))?.path())?);
            }
        }
        Ok(rubbish)
    }

    fn tmp(&self) -> PathBuf {
        self.data.join("tmp")
    }

    fn run_tmp(&self) -> PathBuf {
        self.run.join("tmp")
    }

    /// On the file system of `path`. What a reboot ends, ends there, too: so that one is made when it is needed.
    fn tmp_beside(&self, path: &Path) -> Result<PathBuf, DiskError> {
        if path.starts_with(&self.run) { closed(self.run_tmp()) } else { Ok(self.tmp()) }
    }

    /// Opens the top directory, which is ours.
    fn make(&self) -> Result<File, DataRootError> {
        let path = &self.data;
        if !path.exists() {
            if let Some(parent) = path.parent() {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o755)
                    .create(parent)
                    .map_err(DiskError::at("create", parent))?;
            }
            match DirBuilder::new().mode(0o700).create(path) {
                // By somebody else, meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other.map_err(DiskError::at("create", path))?,
            }
        }
        let directory = File::open(path).map_err(DiskError::at("open", path))?;
        let metadata = directory.metadata().map_err(DiskError::at("look at", path))?;
        if !metadata.is_dir() {
            return Err(DiskError::at("open", path)(io::Error::from(io::ErrorKind::NotADirectory)).into());
        }
        if metadata.uid() != geteuid().as_raw() {
            return Err(DataRootError::NotOurs { path: path.clone(), owner: metadata.uid() });
        }
        Ok(directory)
    }

    /// A new data root, or one of an earlier version. Killed at any instant, the next command does what is left to do:
    /// the record is written last.
    fn bring_forward(&self, directory: &File, record: Option<Record>) -> Result<(), DataRootError> {
        match record {
            // Whoever knows what an image is takes the third's images over. The containers of the second ended with their
            // command: what is left of them is removed like all that has no record.
            Some(Record { version: SECOND | THIRD }) | None => {}
            Some(Record { version: found }) => return Err(DataRootError::Newer { path: self.data.clone(), found }),
        }
        let _lock = Lock::wait(Rank::Root, &self.data)?;
        let path = self.data.join(RECORD);
        match read_json::<Record>(&path)? {
            // By the command that we have waited for.
            Some(Record { version: VERSION }) => return close(directory, &self.data).map_err(DataRootError::from),
            Some(_) => {
                close(directory, &self.data)?;
                return Ok(write_json(&path, &Record { version: VERSION }, Durability::PowerFailure)?);
            }
            None => {}
        }
        let names = names(&self.data)?;
        let first = first_version::is_here(&self.data);
        // What is ours is closed before anything else, even if we go no further.
        if first {
            first_version::close(&self.data)?;
        }
        if let Some(found) = names.into_iter().find(|name| !expected(name, first)) {
            return Err(DataRootError::OtherFiles { path: self.data.clone(), found });
        }
        close(directory, &self.data)?;
        if first {
            self.directory("tmp")?;
            first_version::bring_forward(&self.data, &self.run)?;
        }
        write_json(&path, &Record { version: VERSION }, Durability::PowerFailure)?;
        first_version::forget(&self.data);
        Ok(())
    }
}

/// Whether a directory that is not ours yet may have this in it.
fn expected(name: &str, first_version: bool) -> bool {
    // A new file system has the one; a command that was killed may have left the other.
    name == "lost+found"
        || name.starts_with(&format!(".{RECORD}."))
        || (first_version && first_version::NAMES.contains(&name))
}

fn names(directory: &Path) -> Result<Vec<String>, DiskError> {
    let failed = |error| DiskError::at("read", directory)(error);
    let entries = fs::read_dir(directory).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}

/// The directory at `path`, made with mode 0700, or given it.
fn closed(path: PathBuf) -> Result<PathBuf, DiskError> {
    match File::open(&path) {
        Ok(directory) => close(&directory, &path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(DiskError::at("create", &path))?,
        },
        Err(error) => return Err(DiskError::at("open", path)(error)),
    }
    Ok(path)
}

/// Nobody but its owner may enter, or look.
fn close(directory: &File, path: &Path) -> Result<(), DiskError> {
    let metadata = directory.metadata().map_err(DiskError::at("look at", path))?;
    if metadata.mode() & 0o777 == 0o700 {
        return Ok(());
    }
    directory.set_permissions(fs::Permissions::from_mode(0o700)).map_err(DiskError::at("close", path))
}
