//! The whole of it, in order: private mounts, the new root, what is mounted in it, the pivot, masks.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, umask};
use process::{Diagnose, step, sys};
use thiserror::Error;

use crate::device::{Device, DeviceError, make_links};
use crate::mask::{self, MaskError};
use crate::mount::{Mount, MountError, attach, clone_tree, is_proc};
use crate::options::MountOptions;
use crate::pivot::{self, PivotError};
use crate::propagation::{self, PropagationError};
use crate::root_dir::{RootDir, RootDirError};

/// Why there is no root.
#[derive(Debug, Error)]
pub enum RootfsError {
    /// The root itself.
    #[error("{action} the root file system {path}: {errno}")]
    Root {
        /// "open", "attach".
        action: &'static str,
        /// Where it comes from.
        path: String,
        /// The reason.
        errno: Errno,
    },
    /// What stands at `/proc` is something else (CVE-2025-52881).
    #[error("/proc inside the root is not a proc file system")]
    NotProc,
    /// Cutting the tie to the host's mounts.
    #[error(transparent)]
    Propagation(#[from] PropagationError),
    /// A mount.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A path.
    #[error(transparent)]
    Path(#[from] RootDirError),
    /// The pivot.
    #[error(transparent)]
    Pivot(#[from] PivotError),
    /// A mask.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

impl Diagnose for RootfsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Root { errno: Errno::ENOENT, .. } => Some("is the path right?".into()),
            Self::Propagation(error) => error.hint(),
            Self::Mount(error) => error.hint(),
            Self::Device(error) => error.hint(),
            Self::Path(error) => error.hint(),
            Self::Pivot(error) => error.hint(),
            Self::Mask(error) => error.hint(),
            Self::Root { .. } | Self::NotProc => None,
        }
    }
}

/// What is to become `/`.
#[derive(Debug)]
pub enum Root {
    /// A directory of the host.
    Directory(PathBuf),
    /// A mount that is not attached anywhere: an overlay, say.
    Detached(OwnedFd),
}

/// What a container's file system looks like.
#[derive(Debug, Default, Clone)]
pub struct Rootfs {
    /// Mounts, in order.
    pub mounts: Vec<Mount>,
    /// Device nodes.
    pub devices: Vec<Device>,
    /// Paths that show nothing.
    pub masked_paths: Vec<PathBuf>,
    /// Paths that cannot be written.
    pub readonly_paths: Vec<PathBuf>,
    /// The root mount cannot be written.
    pub readonly: bool,
    /// Of the root mount: `private` (or nothing), `slave`, `shared`, each with an `r` in front for all below.
    pub propagation: String,
}

/// A root that is complete, and not yet ours: sources of mounts can still be reached.
#[derive(Debug)]
pub struct Prepared<'a> {
    root: RootDir,
    plan: &'a Rootfs,
}

impl Rootfs {
    /// Attaches the root and everything in it. To be called in a new mount namespace.
    ///
    /// # Errors
    /// [`RootfsError`].
    // ANCHOR: prepare
    pub fn prepare(&self, root: Root) -> Result<Prepared<'_>, RootfsError> {
        // Modes of nodes and directories are meant as they are written.
        let before = umask(Mode::empty());
        let tied = self.mounts.iter().map(Mount::tied).collect::<Result<Vec<_>, _>>()?;
        propagation::isolate(self.receives())?;
        let root = attach_root(root)?;
        let mut unprotected = Vec::new();
        for (mount, tied) in self.mounts.iter().zip(tied) {
            unprotected.extend(mount.attach(&root, tied)?.map(|tree| (mount, tree)));
            if mount.kind == "proc" {
                check_proc(&root, &mount.destination)?;
            }
        }
        unprotected.iter().try_for_each(|(mount, tree)| mount.protect(tree))?;
        step!(3, "{} file systems mounted", self.mounts.len());
        self.devices.iter().try_for_each(|device| device.make(&root))?;
        make_links(&root)?;
        step!(3, "{} device nodes made", self.devices.len());
        umask(before);
        Ok(Prepared { root, plan: self })
    }
    // ANCHOR_END: prepare

    /// Host mounts may still come in: the root is a slave, or shares with others.
    fn receives(&self) -> bool {
        self.propagation.contains("slave") || self.propagation.contains("shared")
    }
}

impl Prepared<'_> {
    /// For what has to be done before the pivot.
    pub fn root(&self) -> &RootDir {
        &self.root
    }

    /// Makes it `/`, hides and protects what the plan says.
    ///
    /// # Errors
    /// [`RootfsError`].
    // ANCHOR: enter
    pub fn pivot(self) -> Result<(), RootfsError> {
        let Self { root, plan } = self;
        pivot::pivot(&root)?;
        step!(3, "pivot_root: the host's file system is out of reach");
        let masked = mask::mask(&root, &plan.masked_paths)?;
        let protected = mask::protect(&root, &plan.readonly_paths)?;
        if plan.readonly {
            mask::protect_root()?;
        }
        step!(
            3,
            "{masked} paths masked, {protected} made read-only{}",
            if plan.readonly { ", and the root" } else { "" }
        );
        let wanted = MountOptions::parse(&[&plan.propagation]);
        if !matches!(wanted.propagation, 0 | libc::MS_PRIVATE) {
            sys::mount_setattr(&root, wanted.recursive_propagation, 0, 0, wanted.propagation, None).map_err(
                |errno| RootfsError::Root { action: "set the propagation of", path: plan.propagation.clone(), errno },
            )?;
        }
        Ok(())
    }
    // ANCHOR_END: enter
}

/// Puts the root over the old one, where `pivot_root` wants it. Paths of the host still lead to the host: a process's
/// root is a place, and stays that place when something is mounted on it.
fn attach_root(root: Root) -> Result<RootDir, RootfsError> {
    let (tree, path) = match root {
        Root::Detached(tree) => (tree, "(detached)".to_owned()),
        Root::Directory(path) => {
            let name = path.display().to_string();
            let tree = clone_tree(AT_FDCWD, &path, true).map_err(|errno| RootfsError::Root {
                action: "open",
                path: name.clone(),
                errno,
            })?;
            (tree, name)
        }
    };
    let old = RootDir::open(Path::new("/"))?;
    attach(tree.as_fd(), old.as_fd()).map_err(|errno| RootfsError::Root { action: "attach", path, errno })?;
    step!(3, "root file system attached");
    Ok(RootDir::from_fd(tree))
}

/// Whoever writes kernel parameters must know that it is the kernel that reads them.
fn check_proc(root: &RootDir, destination: &Path) -> Result<(), RootfsError> {
    if is_proc(&root.resolve(destination)?) { Ok(()) } else { Err(RootfsError::NotProc) }
}
