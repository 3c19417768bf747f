//! Where things are on disk, and whose they are.
//!
//! ```text
//! /var/lib/mini-docker          --root, MINI_DOCKER_ROOT
//!   images/ layers/             chapters 6 and 7
//!   containers/<id>/            one directory per container: lock, upper, work
//!   seccomp/                    compiled filters
//! /run/mini-docker              what a reboot ends: names and small files of running containers
//! ```
//!
//! A container's directory is locked (`flock(2)`) as long as its engine lives. A directory that can be locked has lost
//! its engine: the next command removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use process::Diagnose;
use thiserror::Error;

const DATA: &str = "/var/lib/mini-docker";
const RUN: &str = "/run/mini-docker";

/// What goes wrong on disk.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file or directory.
    #[error("{action} {path}: {source}")]
    Io {
        /// "create", "write", …
        action: &'static str,
        /// What.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A name that is taken.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name."
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        id: String,
    },
    /// A name that is none.
    #[error("Invalid container name ({0}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")]
    BadName(String),
}

impl Diagnose for StateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some("mini-docker works as root: try sudo".into()),
                io::ErrorKind::StorageFull => Some("free some space, or use another disk with --root".into()),
                io::ErrorKind::ReadOnlyFilesystem => Some("use a writable directory with --root".into()),
                _ => None,
            },
            _ => None,
        }
    }
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_path_buf();
    move |source| StateError::Io { action, path, source }
}

/// The two top directories.
#[derive(Debug, Clone)]
pub struct DataRoot {
    data: PathBuf,
    run: PathBuf,
}

impl DataRoot {
    /// `/var/lib/mini-docker`, or another directory, which then holds the files of `/run` too.
    pub fn new(root: &Path) -> Self {
        let run = if root == Path::new(DATA) { RUN.into() } else { root.join("run") };
        Self { data: root.into(), run }
    }

    /// Where images, layers and containers are.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where compiled filters are kept.
    pub(crate) fn filters(&self) -> PathBuf {
        self.data.join("seccomp")
    }

    /// Where the copy of our binary is that serves as a container's reaper.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// The ids of containers, living or left behind.
    pub(crate) fn container_ids(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.data.join("containers")) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Claims a directory for a new container.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn claim(&self, id: &str, name: Option<&str>) -> Result<ContainerDir, StateError> {
        let data = self.data.join("containers").join(id);
        create_private(&self.data)?;
        create_private(&data)?;
        let lock = lock_file(&data)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(source) => StateError::Io { action: "lock", path: data.clone(), source },
            TryLockError::WouldBlock => {
                StateError::Io { action: "lock", path: data.clone(), source: io::ErrorKind::WouldBlock.into() }
            }
        })?;
        let run = self.run.join("containers").join(id);
        let mut directory = ContainerDir { data, run, name: None, _lock: lock };
        create_private(&directory.run)?;
        if let Some(name) = name {
            directory.name = Some(self.claim_name(name, id)?);
        }
        Ok(directory)
    }

    /// The directory of a container whose engine is gone, or `None` if it lives.
    pub(crate) fn abandoned(&self, id: &str) -> Option<ContainerDir> {
        let data = self.data.join("containers").join(id);
        let lock = File::open(data.join("lock")).ok()?;
        lock.try_lock().ok()?;
        Some(ContainerDir { data, run: self.run.join("containers").join(id), name: self.name_of(id), _lock: lock })
    }

    fn claim_name(&self, name: &str, id: &str) -> Result<PathBuf, StateError> {
        let mut bytes = name.bytes();
        let valid = bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && name.len() > 1
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if !valid {
            return Err(StateError::BadName(name.into()));
        }
        let names = self.run.join("names");
        create_private(&names)?;
        let path = names.join(name);
        // A link is made with its content in one step, or not at all: no half-written claim can be seen.
        match std::os::unix::fs::symlink(id, &path) {
            Ok(()) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let id = fs::read_link(&path).unwrap_or_default().display().to_string();
                Err(StateError::NameTaken { name: name.into(), id })
            }
            Err(error) => Err(failed("claim the name", &path)(error)),
        }
    }

    fn name_of(&self, id: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(self.run.join("names")).ok()?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| fs::read_link(path).is_ok_and(|target| target == Path::new(id)))
    }
}

/// What one container has on disk, held by its lock.
#[derive(Debug)]
pub(crate) struct ContainerDir {
    data: PathBuf,
    run: PathBuf,
    name: Option<PathBuf>,
    _lock: File,
}

impl ContainerDir {
    /// Below this are the writable layer's directories.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Writes one of the small files that the container sees.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, StateError> {
        let path = self.run.join(name);
        fs::write(&path, text).map_err(failed("write", &path))?;
        Ok(path)
    }

    /// Removes all of it. The lock goes last, so that nobody else removes it at the same time.
    ///
    /// # Errors
    /// [`StateError`] for the first thing that could not be removed; the others are.
    pub(crate) fn remove(&self) -> Result<(), StateError> {
        let gone = |result: io::Result<()>, path: &Path| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
            _ => Ok(()),
        };
        let steps = [
            self.name.as_ref().map_or(Ok(()), |path| gone(fs::remove_file(path), path)),
            gone(fs::remove_dir_all(&self.run), &self.run),
            gone(fs::remove_dir_all(&self.data), &self.data),
        ];
        steps.into_iter().collect()
    }
}

fn lock_file(directory: &Path) -> Result<File, StateError> {
    let path = directory.join("lock");
    File::options().create(true).append(true).open(&path).map_err(failed("create", &path))
}

/// Images have setuid programs: nobody but root looks in from outside.
fn create_private(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failed("create", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711)).map_err(failed("set the mode of", path))
}
