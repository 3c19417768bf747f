//! Hiding and protecting parts of `/proc` and `/sys`, once the container's root is ours.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use process::{Diagnose, FailureKind, sys};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen};
use thiserror::Error;

use crate::device::is_null;
use crate::errno::errno;
use crate::mount::{attach, clone_tree, is_directory};
use crate::places::Places;
use crate::root_dir::{RootDir, RootDirError};

/// A path could not be hidden or protected.
#[derive(Debug, Error)]
pub enum MaskError {
    /// The kernel refused.
    #[error("{action} {path}: {errno}")]
    Kernel {
        /// "mask", "protect", …
        action: &'static str,
        /// The path, inside.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// Finding it.
    #[error(transparent)]
    Path(#[from] RootDirError),
    /// What masks files must be the real thing (CVE-2025-31133).
    #[error("/dev/null inside the root is not the null device")]
    NotNull,
}

impl Diagnose for MaskError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Path)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotNull => FailureKind::Invalid,
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotNull => Some("a mount over /dev/null, or a hostile image".into()),
            _ => None,
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl Fn(Errno) -> MaskError {
    let path = path.to_path_buf();
    move |errno| MaskError::Kernel { action, path: path.clone(), errno }
}

/// What became of a list of paths.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// How many are covered or protected.
    pub(crate) count: usize,
    /// Those that were not there and yet may come back: whoever can write to the root can move them away and back.
    pub(crate) absent: Vec<PathBuf>,
}

impl Done {
    /// What `path` leads to, if it is there.
    fn find(&mut self, root: &Places, path: &Path) -> Result<Option<OwnedFd>, MaskError> {
        match root.resolve(path) {
            Ok(target) => {
                self.count += 1;
                Ok(Some(target))
            }
            Err(error) if error.is_not_found() => {
                // The kernel's own files do not come and go.
                self.absent.extend((!root.is_kernels(path)).then(|| path.into()));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Covers each path: files with `/dev/null`, directories with one empty read-only tmpfs. What is not there needs no
/// mask.
///
/// # Errors
/// [`MaskError`].
// ANCHOR: mask
pub(crate) fn mask(root: &Places, paths: &[PathBuf]) -> Result<Done, MaskError> {
    let (mut null, mut empty): (Option<OwnedFd>, Option<OwnedFd>) = (None, None);
    let mut done = Done::default();
    for path in paths {
        let Some(target) = done.find(root, path)? else { continue };
        // ANCHOR: ex_mask
        let copy_of =
            |source: &OwnedFd| clone_tree(source, Path::new(""), false).map_err(failed("copy the mask for", path));
        let cover = match (is_directory(&target), &empty) {
            (true, Some(empty)) => copy_of(empty)?,
            (true, None) => empty_directory(path)?,
            (false, _) => {
                if null.is_none() {
                    null = Some(checked_null(root)?);
                }
                null.as_ref().map_or(Err(MaskError::NotNull), copy_of)?
            }
        };
        attach(cover.as_fd(), target.as_fd()).map_err(failed("mask", path))?;
        // The first empty directory is attached itself, and only then copied: kernels before 6.15 copy no loose mount.
        if is_directory(&target) && empty.is_none() {
            empty = Some(cover);
        }
        // ANCHOR_END: ex_mask
    }
    Ok(done)
}
// ANCHOR_END: mask

/// An empty tmpfs that nobody can fill.
fn empty_directory(path: &Path) -> Result<OwnedFd, MaskError> {
    let refused = |error| failed("make the mask for", path)(errno(error));
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused)?;
    fsconfig_set_string(&context, "nr_inodes", "1").map_err(refused)?;
    fsconfig_create(&context).map_err(refused)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(refused)
}

pub(crate) fn checked_null(root: &Places) -> Result<OwnedFd, MaskError> {
    let null = root.resolve(Path::new("/dev/null"))?;
    if is_null(&null) { Ok(null) } else { Err(MaskError::NotNull) }
}

/// Makes each path, and what is mounted below it, read-only.
///
/// # Errors
/// [`MaskError`].
pub(crate) fn protect(root: &Places, paths: &[PathBuf]) -> Result<Done, MaskError> {
    let mut done = Done::default();
    for path in paths {
        let Some(target) = done.find(root, path)? else { continue };
        let copy = clone_tree(&target, Path::new(""), true).map_err(failed("copy", path))?;
        sys::mount_setattr(&copy, true, libc::MOUNT_ATTR_RDONLY, 0, 0, None).map_err(failed("protect", path))?;
        attach(copy.as_fd(), target.as_fd()).map_err(failed("protect", path))?;
    }
    Ok(done)
}

/// Makes the root mount itself read-only; what is mounted below stays as it is.
///
/// # Errors
/// [`MaskError`].
pub(crate) fn protect_root(root: &RootDir) -> Result<(), MaskError> {
    sys::mount_setattr(root, false, libc::MOUNT_ATTR_RDONLY, 0, 0, None).map_err(failed("protect", Path::new("/")))
}
