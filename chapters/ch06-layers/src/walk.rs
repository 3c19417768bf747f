//! All files of a tree, each directory before what is in it, sorted: the same tree gives the same archive.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, SFlag, fstat};

use crate::beneath;
use crate::disk_error::DiskError;
use crate::error::LayerError;

/// One file.
pub(crate) struct Found {
    /// Relative to the root; empty for the root itself.
    pub(crate) path: PathBuf,
    pub(crate) metadata: FileStat,
}

/// A walk under way. It holds no descriptor but the root's, however deep it is.
pub(crate) struct Walk {
    root: OwnedFd,
    waiting: Vec<Found>,
}

impl Walk {
    pub(crate) fn new(root: &Path) -> Result<Self, LayerError> {
        let failed = |errno: Errno| LayerError::from(DiskError::at("open", root)(errno));
        let directory = beneath::root(root).map_err(failed)?;
        let metadata = fstat(&directory).map_err(failed)?;
        Ok(Self { root: directory, waiting: vec![Found { path: PathBuf::new(), metadata }] })
    }

    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// The next file. A directory that vanishes meanwhile is an empty one.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, LayerError> {
        let Some(found) = self.waiting.pop() else { return Ok(None) };
        if beneath::kind(&found.metadata) == SFlag::S_IFDIR {
            let failed = LayerError::file("list", &found.path);
            self.waiting.extend(list(&self.root, &found.path).map_err(failed)?.into_iter().rev());
        }
        Ok(Some(found))
    }
}

/// What is in the directory `path` beneath `root`, sorted by name.
fn list(root: &OwnedFd, path: &Path) -> Result<Vec<Found>, Errno> {
    let mut all = Vec::new();
    let Some(mut directory) = open(root, path)? else { return Ok(all) };
    for name in names(&mut directory)? {
        if let Some(metadata) = beneath::look(&directory, Path::new(&name))? {
            all.push(Found { path: path.join(name), metadata });
        }
    }
    Ok(all)
}

/// The directory `path` beneath `root`; `None` if there is none.
pub(crate) fn open(root: impl AsFd, path: &Path) -> Result<Option<Dir>, Errno> {
    match beneath::open(root, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
        Ok(directory) => Dir::from_fd(directory).map(Some),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &mut Dir) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in directory.iter() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
