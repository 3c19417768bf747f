//! All files of a tree, each directory before what is in it, sorted: the same tree gives the same archive.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, SFlag, fstat};
use nix::sys::statfs::{
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, FsType, PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs,
};

use crate::beneath;
use crate::disk_error::DiskError;
use crate::error::LayerError;

/// One file.
pub(crate) struct Found {
    /// Relative to the root; empty for the root itself.
    pub(crate) path: PathBuf,
    pub(crate) metadata: FileStat,
}

/// What the kernel makes up while it is read.
const PSEUDO: [FsType; 5] =
    [PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC];

/// A walk under way. It holds no descriptor but the root's, however deep it is.
pub(crate) struct Walk {
    root: OwnedFd,
    waiting: Vec<Found>,
    /// Whether it goes on below mount points.
    across: bool,
}

impl Walk {
    pub(crate) fn new(root: &Path) -> Result<Self, LayerError> {
        let failed = |errno: Errno| LayerError::from(DiskError::at("open", root)(errno));
        let directory = beneath::root(root).map_err(failed)?;
        let metadata = fstat(&directory).map_err(failed)?;
        Ok(Self { root: directory, waiting: vec![Found { path: PathBuf::new(), metadata }], across: false })
    }

    /// A walk through files that somebody uses meanwhile, with what is mounted among them: all below `root`, or the one
    /// file `name` in it. A file system of the kernel's own is an empty directory.
    pub(crate) fn across(root: OwnedFd, name: &Path) -> Result<Self, Errno> {
        let metadata = if name.as_os_str().is_empty() {
            fstat(&root)?
        } else {
            beneath::look(&root, name)?.ok_or(Errno::ENOENT)?
        };
        Ok(Self { root, waiting: vec![Found { path: name.into(), metadata }], across: true })
    }

    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Opens what is beneath the root.
    pub(crate) fn open(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        if self.across { beneath::open_across(&self.root, path, flags) } else { beneath::open(&self.root, path, flags) }
    }

    /// The next file. A directory that vanishes meanwhile is an empty one.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, LayerError> {
        let Some(found) = self.waiting.pop() else { return Ok(None) };
        if beneath::kind(&found.metadata) == SFlag::S_IFDIR {
            let failed = LayerError::file("list", &found.path);
            self.waiting.extend(self.list(&found.path).map_err(failed)?.into_iter().rev());
        }
        Ok(Some(found))
    }

    /// What is in the directory `path`, sorted by name.
    fn list(&self, path: &Path) -> Result<Vec<Found>, Errno> {
        let mut all = Vec::new();
        let Some(mut directory) = there(self.open(path, LISTED))? else { return Ok(all) };
        if self.across && is_pseudo(&directory)? {
            return Ok(all);
        }
        for name in names(&mut directory)? {
            let Some(mut metadata) = beneath::look(&directory, Path::new(&name))? else { continue };
            let path = path.join(name);
            // A mount's own root is what is seen, not the directory below it.
            if self.across
                && beneath::kind(&metadata) == SFlag::S_IFDIR
                && let Ok(mounted) = self.open(&path, beneath::DIRECTORY)
            {
                metadata = fstat(&mounted)?;
            }
            all.push(Found { path, metadata });
        }
        Ok(all)
    }
}

/// Whether a file is one that the kernel makes up while it is read: it has no size, and to read it may do something.
///
/// # Errors
/// Of `fstatfs(2)`.
pub fn is_pseudo(file: impl AsFd) -> Result<bool, Errno> {
    Ok(PSEUDO.contains(&fstatfs(file)?.filesystem_type()))
}

const LISTED: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

/// The directory `path` beneath `root`; `None` if there is none.
pub(crate) fn open(root: impl AsFd, path: &Path) -> Result<Option<Dir>, Errno> {
    there(beneath::open(root, path, LISTED))
}

fn there(opened: Result<OwnedFd, Errno>) -> Result<Option<Dir>, Errno> {
    match opened {
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
