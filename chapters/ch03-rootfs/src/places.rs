//! The container's root, and in it the file systems that we have mounted: each is reached by its own descriptor.
//!
//! Whoever can write to the root while we work in it (it is also another container's volume, say) can rename the directory
//! that a file system is mounted on. Then `/proc` is a directory like any other. The mount itself stays what it was, so
//! what belongs into one of ours is looked up from there, and not by its path through the root.

use std::cell::OnceCell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::fstat;

use crate::errno::errno_of;
use crate::procfs::Procfs;
use crate::root_dir::{RootDir, RootDirError};

/// What kind of file system one of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// A procfs without options: all files are in it, and can be written.
    Proc,
    /// The kernel's: nobody can add files to it or take any away.
    Kernel,
    /// Any other that began empty.
    Empty,
}

/// Device and inode: what a descriptor stands for, by whatever name it was found.
type Identity = (u64, u64);

/// One of our file systems.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    own: Own,
    tree: RootDir,
    identity: Identity,
}

/// A root with file systems mounted in it.
#[derive(Debug)]
pub(crate) struct Places {
    root: RootDir,
    own: Vec<Place>,
    /// Made when it is needed, where the container has no procfs that would do.
    private: OnceCell<Procfs>,
}

impl Places {
    pub(crate) fn new(root: RootDir) -> Self {
        Self { root, own: Vec::new(), private: OnceCell::new() }
    }

    /// A root in which nothing is ours, but for a procfs that we have brought along.
    pub(crate) fn with_procfs(root: RootDir, procfs: Procfs) -> Self {
        Self { root, own: Vec::new(), private: OnceCell::from(procfs) }
    }

    pub(crate) fn root(&self) -> &RootDir {
        &self.root
    }

    /// Whether `target` is the root itself, by whatever name it was found.
    pub(crate) fn is_root(&self, target: &OwnedFd) -> bool {
        identity(&self.root).is_some_and(|root| identity(target) == Some(root))
    }

    /// Notes that `tree` is mounted at `destination`, on `target`. Of a file system that is not ours, only that it hides
    /// what was there.
    pub(crate) fn add(&mut self, destination: &Path, target: &OwnedFd, own: Option<(Own, OwnedFd)>) {
        // A link may have led the mount over another one of ours.
        let over = identity(target);
        let hidden: Vec<PathBuf> =
            self.own.iter().filter(|place| Some(place.identity) == over).map(|place| place.path.clone()).collect();
        self.own.retain(|place| {
            !place.path.starts_with(destination) && !hidden.iter().any(|hidden| place.path.starts_with(hidden))
        });
        if let Some((own, tree)) = own.filter(|_| is_plain(destination))
            && let Some(identity) = identity(&tree)
        {
            self.own.push(Place { path: destination.into(), own, tree: RootDir::from_fd(tree), identity });
        }
    }

    /// Where to look `path` up, and what it is called there.
    pub(crate) fn find<'p>(&self, path: &'p Path) -> (&RootDir, &'p Path) {
        match self.innermost(path) {
            Some((_, tree, rest)) => (tree, rest),
            None => (&self.root, path),
        }
    }

    /// What `path` leads to.
    pub(crate) fn resolve(&self, path: &Path) -> Result<OwnedFd, RootDirError> {
        let (directory, rest) = self.find(path);
        directory.resolve(rest).map_err(|error| error.of(path))
    }

    /// Whether nobody but the kernel decides what there is at `path`: what is missing there stays missing.
    pub(crate) fn is_kernels(&self, path: &Path) -> bool {
        self.innermost(path).is_some_and(|(own, ..)| own != Own::Empty)
    }

    fn innermost<'p>(&self, path: &'p Path) -> Option<(Own, &RootDir, &'p Path)> {
        if !is_plain(path) {
            return None;
        }
        let inside = self.own.iter().filter(|place| path.starts_with(&place.path));
        // Of two that both begin a path, the deeper is the longer.
        let place = inside.max_by_key(|place| place.path.as_os_str().len())?;
        Some((place.own, &place.tree, path.strip_prefix(&place.path).ok()?))
    }

    /// A procfs that nobody else has had in hand: the container's own, or one that is mounted nowhere.
    pub(crate) fn procfs(&self) -> Result<&Procfs, Errno> {
        if let Some(made) = self.private.get() {
            return Ok(made);
        }
        let of_the_container = self.own.iter().find(|place| place.own == Own::Proc);
        let procfs = match of_the_container {
            Some(place) => Procfs::from_fd(place.tree.as_fd().try_clone_to_owned().map_err(|error| errno_of(&error))?),
            None => Procfs::private()?,
        };
        Ok(self.private.get_or_init(|| procfs))
    }
}

fn identity(file: impl AsFd) -> Option<Identity> {
    fstat(file).ok().map(|found| (found.st_dev, found.st_ino))
}

/// Whether a path means the same to us and to the kernel.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}
