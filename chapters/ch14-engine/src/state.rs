//! Containers on disk.
//!
//! ```text
//! containers/<id>/    one directory per container: upper, work, and small files that it sees
//! names/<name>        a link to the id
//! seccomp/            compiled filters
//! ```
//!
//! A container's directory is held as long as its engine lives. One that can be taken has lost its engine: the next
//! command removes it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};

use layers::{DataRoot, DiskError, Held, Lock, Rank};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// What goes wrong with the containers' directories.
#[derive(Debug, Error)]
pub enum StateError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
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
    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Disk(error) = self { Some(error) } else { None }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Disk(_) => None,
            Self::NameTaken { .. } => Some(FailureKind::Conflict),
            Self::BadName(_) => Some(FailureKind::Invalid),
        }
    }
}

/// The directories of all containers, and their names.
#[derive(Debug)]
pub(crate) struct Containers {
    root: DataRoot,
    directories: PathBuf,
    names: PathBuf,
}

impl Containers {
    /// Those of `root`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn open(root: &DataRoot) -> Result<Self, DiskError> {
        let (directories, names) = (root.directory("containers")?, root.directory("names")?);
        Ok(Self { root: root.clone(), directories, names })
    }

    /// Claims a directory for a new container.
    ///
    /// # Errors
    /// [`StateError`]; then there is none.
    pub(crate) fn claim(&self, id: &str, name: Option<&str>) -> Result<ContainerDir, StateError> {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(StateError::BadName(name.into()));
        }
        // The directory comes before the name, and goes after it: a name without a directory means nothing.
        let mut directory = ContainerDir { held: Held::create(&self.directories.join(id))?, id: id.into(), name: None };
        match name.map(|name| self.claim_name(name, id)).transpose() {
            Ok(name) => directory.name = name,
            Err(error) => {
                // What happened is the news.
                let _ = self.discard(directory).map(Held::remove);
                return Err(error);
            }
        }
        Ok(directory)
    }

    /// The directories of containers whose engine is gone.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn abandoned(&self) -> Result<Vec<ContainerDir>, DiskError> {
        let failed = |error| DiskError::at("read", &self.directories)(error);
        let mut abandoned = Vec::new();
        for entry in fs::read_dir(&self.directories).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Some(held) = Held::take(&entry.path())? {
                let id = entry.file_name().to_string_lossy().into_owned();
                let name = self.name_of(&id)?;
                abandoned.push(ContainerDir { held, id, name });
            }
        }
        Ok(abandoned)
    }

    /// Takes a container's directory out of sight, and gives its name back. What is left is rubbish, to be removed at
    /// leisure.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn discard(&self, directory: ContainerDir) -> Result<Held, DiskError> {
        let ContainerDir { mut held, id, name } = directory;
        if let Some(path) = name {
            let _lock = Lock::wait(Rank::Names, &self.names)?;
            if fs::read_link(&path).is_ok_and(|owner| owner == Path::new(&id)) {
                fs::remove_file(&path).map_err(DiskError::at("remove", &path))?;
            }
        }
        self.root.discard(&mut held)?;
        Ok(held)
    }

    fn claim_name(&self, name: &str, id: &str) -> Result<PathBuf, StateError> {
        let path = self.names.join(name);
        let _lock = Lock::wait(Rank::Names, &self.names)?;
        if let Ok(owner) = fs::read_link(&path) {
            if self.directories.join(&owner).exists() {
                return Err(StateError::NameTaken { name: name.into(), id: owner.display().to_string() });
            }
            fs::remove_file(&path).map_err(DiskError::at("remove", &path))?;
        }
        // A link is made with its content in one step, or not at all.
        symlink(id, &path).map_err(DiskError::at("claim the name", &path))?;
        Ok(path)
    }

    fn name_of(&self, id: &str) -> Result<Option<PathBuf>, DiskError> {
        let entries = fs::read_dir(&self.names).map_err(DiskError::at("read", &self.names))?;
        let mut paths = entries.flatten().map(|entry| entry.path());
        Ok(paths.find(|path| fs::read_link(path).is_ok_and(|owner| owner == Path::new(id))))
    }
}

/// The container that a discarded directory was of: whoever was to remove it was to remove its control group first. (What is
/// left of a layer looks the same, and there is no group of that name.)
pub(crate) fn id_of_discarded(path: &Path) -> Option<&str> {
    let (id, _) = path.file_name()?.to_str()?.split_once('-')?;
    (id.len() == 64 && id.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(id)
}

/// Docker's grammar.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() > 1
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// What one container has on disk.
#[derive(Debug)]
pub(crate) struct ContainerDir {
    held: Held,
    id: String,
    name: Option<PathBuf>,
}

impl ContainerDir {
    /// The 64 digits.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Below this are the writable layer's directories.
    pub(crate) fn path(&self) -> &Path {
        self.held.path()
    }

    /// Writes one of the small files that the container sees, and may write to: nothing of ours reads them again. `owner`
    /// is the container's root, if that is not ours.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn write(&self, name: &str, text: &str, owner: Option<u32>) -> Result<PathBuf, DiskError> {
        let path = self.path().join(name);
        let mut file = File::create_new(&path).map_err(DiskError::at("create", &path))?;
        file.write_all(text.as_bytes()).map_err(DiskError::at("write", &path))?;
        // Every user inside reads them, whatever our umask is.
        file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(DiskError::at("set the mode of", &path))?;
        if owner.is_some() {
            fchown(&file, owner, owner).map_err(DiskError::at("give away", &path))?;
        }
        Ok(path)
    }

    /// A copy of our own binary, for a container to execute (`--init`). It is that container's alone: one that may mount
    /// can make the mount over it writable, and would write to what other containers execute.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn copy_of_us(&self) -> Result<PathBuf, DiskError> {
        let path = self.path().join("docker-init");
        fs::copy("/proc/self/exe", &path).map_err(DiskError::at("write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(DiskError::at("set the mode of", &path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const SECOND: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    /// Leaves in a data root what an engine left there that was killed.
    type Make = fn(&Path);

    struct Scratch {
        _directory: tempfile::TempDir,
        root: DataRoot,
        containers: Containers,
    }

    impl Scratch {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let root = DataRoot::open(directory.path()).expect("a data root");
            let containers = Containers::open(&root).expect("the containers");
            Self { _directory: directory, root, containers }
        }

        /// Every path below the data root that belongs to a container.
        fn traces(&self) -> Vec<String> {
            ["containers", "names", "tmp"]
                .iter()
                .flat_map(|directory| fs::read_dir(self.root.path().join(directory)).into_iter().flatten().flatten())
                .map(|entry| entry.path().display().to_string())
                .collect()
        }

        fn remove(&self, container: ContainerDir) {
            self.containers.discard(container).expect("a rename").remove().expect("a removal");
        }

        /// What the next command does with what it finds.
        fn clean_up(&self) -> usize {
            let abandoned = self.containers.abandoned().expect("a look");
            let count = abandoned.len();
            for container in abandoned {
                self.remove(container);
            }
            for left in self.root.rubbish().expect("a look") {
                left.remove().expect("a removal");
            }
            count
        }
    }

    #[test]
    fn what_is_claimed_is_held_and_what_is_removed_leaves_no_trace() {
        let scratch = Scratch::new();
        let container = scratch.containers.claim(FIRST, Some("web")).expect("a claim");
        container.write("hosts", "", None).expect("a file");
        assert_eq!(scratch.clean_up(), 0, "its engine lives");
        assert_eq!(scratch.traces().len(), 2, "a directory and a name");
        scratch.remove(container);
        assert_eq!(scratch.traces(), Vec::<String>::new());
    }

    #[test]
    fn a_name_is_taken_once_and_the_loser_leaves_no_trace() {
        let scratch = Scratch::new();
        let _first = scratch.containers.claim(FIRST, Some("web")).expect("a claim");
        let before = scratch.traces();
        let error = scratch.containers.claim(SECOND, Some("web")).expect_err("a conflict");
        insta::assert_snapshot!(error, @r#"Conflict. The container name "/web" is already in use by container "1111111111111111111111111111111111111111111111111111111111111111". You have to remove (or rename) that container to be able to reuse that name."#);
        assert_eq!(scratch.traces(), before);
    }

    #[test]
    fn what_docker_does_not_take_for_a_name_is_refused() {
        let scratch = Scratch::new();
        for name in ["", "a", "-web", ".web", "../web", "we/b", "w b", "wéb"] {
            let refused = scratch.containers.claim(FIRST, Some(name));
            assert!(matches!(refused, Err(StateError::BadName(_))), "{name:?}");
        }
        assert_eq!(scratch.traces(), Vec::<String>::new());
        for name in ["we", "0web", "we_b.1-2"] {
            scratch.remove(scratch.containers.claim(FIRST, Some(name)).expect(name));
        }
    }

    /// The directory is made first and goes last, so these are all the states that a SIGKILL can leave.
    #[test]
    fn whenever_an_engine_is_killed_nothing_of_its_container_stays() {
        let states: [(&str, Make); 6] = [
            ("made, and not yet held", |data| {
                fs::create_dir(data.join("containers").join(FIRST)).expect("a directory");
            }),
            ("without a name", |data| {
                fs::create_dir_all(data.join("containers").join(FIRST).join("upper")).expect("a directory");
            }),
            ("with a name", |data| {
                fs::create_dir_all(data.join("containers").join(FIRST).join("work/work")).expect("a directory");
                symlink(FIRST, data.join("names/web")).expect("a name");
            }),
            ("with files", |data| {
                fs::create_dir_all(data.join("containers").join(FIRST).join("upper/a/b/c")).expect("a directory");
                fs::write(data.join("containers").join(FIRST).join("hosts"), "").expect("a file");
                symlink(FIRST, data.join("names/web")).expect("a name");
            }),
            ("out of sight", |data| {
                fs::create_dir_all(data.join("tmp/0123456789abcdef/upper")).expect("a directory");
            }),
            ("half removed", |data| {
                fs::create_dir_all(data.join("tmp/0123456789abcdef/upper/.lifted-0")).expect("a directory");
            }),
        ];
        for (state, make) in states {
            let scratch = Scratch::new();
            make(scratch.root.path());
            let _other = scratch.containers.claim(SECOND, Some("other")).expect("a container that lives");
            scratch.clean_up();
            assert_eq!(scratch.traces().len(), 2, "{state}: {:?}", scratch.traces());
            assert!(scratch.containers.claim(FIRST, Some("web")).is_ok(), "{state}: the name is free again");
        }
    }

    /// Nobody but us makes names. Should one be left all the same, it does not keep others from it.
    #[test]
    fn a_name_without_a_container_means_nothing() {
        let scratch = Scratch::new();
        symlink(SECOND, scratch.root.path().join("names/web")).expect("a name");
        let container = scratch.containers.claim(FIRST, Some("web")).expect("a claim");
        scratch.remove(container);
        assert_eq!(scratch.traces(), Vec::<String>::new());
    }

    #[test]
    fn small_files_can_be_read_inside_whatever_our_umask_is() {
        let scratch = Scratch::new();
        let container = scratch.containers.claim(FIRST, None).expect("a claim");
        let path = container.write("hosts", "127.0.0.1\tlocalhost\n", None).expect("a file");
        assert_eq!(fs::metadata(&path).expect("it").permissions().mode() & 0o7777, 0o644);
        // What a container may have written to is never written to again.
        assert!(container.write("hosts", "", None).is_err());
    }
}
