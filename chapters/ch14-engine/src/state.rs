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
        let lock = lock(&data)?;
        let run = self.run.join("containers").join(id);
        let mut directory = ContainerDir { data, run, name: None, _lock: lock };
        create_private(&directory.run)?;
        match name.map(|name| self.claim_name(name, id)).transpose() {
            Ok(name) => directory.name = name,
            Err(error) => {
                let _ = directory.remove();
                return Err(error);
            }
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

/// Makes the lock file of a new directory. It gets its name only when it is locked: at no moment can another command
/// find it free, and take the container for an abandoned one.
fn lock(directory: &Path) -> Result<File, StateError> {
    let (early, path) = (directory.join("lock.new"), directory.join("lock"));
    let file = File::options().create(true).append(true).open(&early).map_err(failed("create", &early))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::Error(source) => failed("lock", &early)(source),
        TryLockError::WouldBlock => failed("lock", &early)(io::ErrorKind::WouldBlock.into()),
    })?;
    fs::rename(&early, &path).map_err(failed("create", &path))?;
    Ok(file)
}

/// Images have setuid programs: nobody but root looks in from outside.
fn create_private(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failed("create", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711)).map_err(failed("set the mode of", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const SECOND: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    /// Every path below the data root that belongs to a container.
    fn traces(root: &DataRoot) -> Vec<String> {
        ["containers", "run/containers", "run/names"]
            .iter()
            .flat_map(|directory| fs::read_dir(root.data().join(directory)).into_iter().flatten().flatten())
            .map(|entry| entry.path().display().to_string())
            .collect()
    }

    #[test]
    fn what_is_claimed_is_held_and_what_is_removed_leaves_no_trace() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = DataRoot::new(scratch.path());
        let container = root.claim(FIRST, Some("web")).expect("a claim");
        container.write("hosts", "").expect("a file");
        assert_eq!(root.container_ids(), [FIRST]);
        assert!(root.abandoned(FIRST).is_none(), "its engine lives");
        container.remove().expect("a removal");
        assert_eq!(traces(&root), Vec::<String>::new());
    }

    #[test]
    fn a_name_is_taken_once_and_the_loser_leaves_no_trace() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = DataRoot::new(scratch.path());
        let _first = root.claim(FIRST, Some("web")).expect("a claim");
        let before = traces(&root);
        let error = root.claim(SECOND, Some("web")).expect_err("a conflict");
        insta::assert_snapshot!(error, @r#"Conflict. The container name "/web" is already in use by container "1111111111111111111111111111111111111111111111111111111111111111". You have to remove (or rename) that container to be able to reuse that name."#);
        assert_eq!(traces(&root), before);
    }

    #[test]
    fn what_docker_does_not_take_for_a_name_is_refused() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = DataRoot::new(scratch.path());
        for name in ["", "a", "-web", ".web", "../web", "we/b", "w b", "wéb"] {
            assert!(matches!(root.claim(FIRST, Some(name)), Err(StateError::BadName(_))), "{name:?}");
        }
        assert_eq!(traces(&root), Vec::<String>::new());
        for name in ["we", "0web", "we_b.1-2"] {
            let container = root.claim(FIRST, Some(name)).expect(name);
            container.remove().expect("a removal");
        }
    }

    #[test]
    fn a_container_without_an_engine_is_found_with_its_name() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = DataRoot::new(scratch.path());
        // As after a SIGKILL: the lock is gone, the files are not.
        drop(root.claim(FIRST, Some("web")).expect("a claim"));
        let abandoned = root.abandoned(FIRST).expect("nobody holds it");
        assert!(root.abandoned(FIRST).is_none(), "now we do");
        abandoned.remove().expect("a removal");
        assert_eq!(traces(&root), Vec::<String>::new());
        assert!(root.claim(SECOND, Some("web")).is_ok(), "the name is free again");
    }
}
