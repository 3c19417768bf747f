//! The whole of it, in order: private mounts, the new root, what is mounted in it, the pivot, masks.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::{Mode, umask};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC};
use process::{Diagnose, FailureKind, step, sys};
use thiserror::Error;

use crate::console::{self, ConsoleError, bind_console};
use crate::device::{Device, DeviceError, make_links};
use crate::mask::{self, MaskError};
use crate::mount::{Mount, attach, clone_tree, is_kind};
use crate::mount_error::MountError;
use crate::options::MountOptions;
use crate::pivot::{self, PivotError};
use crate::places::Places;
use crate::procfs::Procfs;
use crate::propagation::{self, PropagationError};
use crate::root_dir::{RootDir, RootDirError};

/// `<linux/magic.h>`; nix has no name for it.
const DEVPTS_MAGIC: FsType = FsType(0x1cd1);

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
    /// What stands at `/dev/pts` is something else (CVE-2025-52565).
    #[error("/dev/pts inside the root is not a devpts file system")]
    NotTerminals,
    /// A kernel parameter, or another file of procfs.
    #[error("write {value:?} to /proc/{file}: {errno}")]
    Proc {
        /// The file, without `/proc/`.
        file: PathBuf,
        /// What was to be written.
        value: String,
        /// The reason.
        errno: Errno,
    },
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
    /// The place of the terminal.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The pivot.
    #[error(transparent)]
    Pivot(#[from] PivotError),
    /// A mask.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

impl Diagnose for RootfsError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Propagation | Mount | Device | Path | Console | Pivot | Mask)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Root { errno: Errno::ENOENT, .. } => FailureKind::NotFound,
            Self::Root { errno, .. } | Self::Proc { errno, .. } => (*errno).into(),
            Self::NotProc | Self::NotTerminals => FailureKind::Invalid,
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Root { errno: Errno::ENOENT, .. } => Some("is the path right?".into()),
            Self::Proc { errno: Errno::EPERM, .. } => Some(
                "in a user namespace this takes a pid namespace of its own, and a host whose /proc is not covered"
                    .into(),
            ),
            Self::NotTerminals => Some("a terminal needs a mount of devpts on /dev/pts".into()),
            _ => None,
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
    /// A directory that is made where it is missing, after the mounts: the program is to begin in it.
    pub working_directory: Option<PathBuf>,
    /// Whether a terminal will be bound over `/dev/console`.
    pub console: bool,
    /// Of the root mount: `private` (or nothing), `slave`, `shared`, each with an `r` in front for all below.
    pub propagation: String,
}

/// Copies of what the bind mounts of a root show, one for each of its mounts.
#[derive(Debug)]
pub struct Sources(Vec<Option<OwnedFd>>);

impl Sources {
    /// The bind mount of `root` that names no source shows `tree`, a mount that is not attached anywhere. It is not looked for
    /// by its place, which may have been moved by a link: a miss would show what that place is on the host. Without such a
    /// mount, something else was wanted there, and `tree` is shown nowhere.
    pub fn show(&mut self, root: &Rootfs, tree: OwnedFd) {
        if let Some(index) = root.mounts.iter().position(Mount::lacks_source) {
            self.0[index] = Some(tree);
        }
    }
}

/// A root that is complete, and not yet ours: sources of mounts can still be reached.
#[derive(Debug)]
pub struct Prepared<'a> {
    root: Places,
    plan: &'a Rootfs,
}

/// The root that is ours now, with all that belongs to it.
#[derive(Debug)]
pub struct Entered(Places);

impl Rootfs {
    /// Attaches the root and everything in it. To be called in a new mount namespace.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn prepare(&self, root: Root) -> Result<Prepared<'_>, RootfsError> {
        self.prepare_with(root, Sources(self.mounts.iter().map(|_| None).collect()))
    }

    /// Copies what will be bound: `all` of it before a user namespace is entered, for its root is an ordinary user of the
    /// host, and cannot go through directories that are closed to those; otherwise only what is shown with other owners.
    /// `users` makes a user namespace with the ids of a mount.
    ///
    /// # Errors
    /// [`RootfsError::Mount`], and those of `users`.
    pub fn sources<E: From<RootfsError>>(
        &self,
        all: bool,
        mut users: impl FnMut(&Mount) -> Result<OwnedFd, E>,
    ) -> Result<Sources, E> {
        let copy = |mount: &Mount| {
            let maps = mount.maps_ids().map_err(RootfsError::from)?;
            if !all && !maps {
                return Ok(None);
            }
            let users = maps.then(|| users(mount)).transpose()?;
            Ok(mount.source(users.as_ref().map(AsFd::as_fd)).map_err(RootfsError::from)?)
        };
        Ok(Sources(self.mounts.iter().map(copy).collect::<Result<_, E>>()?))
    }

    /// Whether a mount shows its files with other owners, so that [`Rootfs::sources`] is needed.
    ///
    /// # Errors
    /// [`RootfsError::Mount`] where that cannot be.
    pub fn maps_ids(&self) -> Result<bool, RootfsError> {
        Ok(self.mounts.iter().map(Mount::maps_ids).collect::<Result<Vec<_>, _>>()?.contains(&true))
    }

    /// As [`Rootfs::prepare`], with `sources` of this root.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn prepare_with(&self, root: Root, Sources(copies): Sources) -> Result<Prepared<'_>, RootfsError> {
        let copies = self
            .mounts
            .iter()
            .zip(copies)
            .map(|(mount, copy)| copy.map_or_else(|| mount.tied(), |copy| Ok(Some(copy))));
        let copies = copies.collect::<Result<Vec<_>, _>>()?;
        // Modes of nodes and directories are meant as they are written.
        let before = umask(Mode::empty());
        propagation::isolate(self.receives())?;
        let mut root = Places::new(attach_root(root)?);
        let mut unprotected = Vec::new();
        for (mount, copy) in self.mounts.iter().zip(copies) {
            unprotected.extend(mount.attach(&mut root, copy)?.map(|tree| (mount, tree)));
            if mount.kind == "proc" {
                check_proc(&root, &mount.destination)?;
            }
        }
        step!(3, "{} file systems mounted", self.mounts.len());
        self.devices.iter().try_for_each(|device| device.make(&root))?;
        make_links(&root)?;
        if self.console {
            console::make_place(&root)?;
        }
        step!(3, "{} device nodes made", self.devices.len());
        self.make_working_directory(root.root())?;
        unprotected.iter().try_for_each(|(mount, tree)| mount.protect(tree))?;
        umask(before);
        Ok(Prepared { root, plan: self })
    }

    /// What is there, whatever it is, stays for `chdir` to judge.
    fn make_working_directory(&self, root: &RootDir) -> Result<(), RootDirError> {
        let missing = |path: &&PathBuf| root.resolve(path).is_err_and(|error| error.is_not_found());
        self.working_directory.iter().find(missing).map_or(Ok(()), |path| root.create_dir_all(path, 0o755).map(drop))
    }

    /// Host mounts may still come in: the root is a slave, or shares with others.
    fn receives(&self) -> bool {
        self.propagation.contains("slave") || self.propagation.contains("shared")
    }
}

impl Prepared<'_> {
    /// Writes to a file of `/proc` (`sys/net/ipv4/ip_forward`, say), as root of the container's namespaces. It is the
    /// kernel that reads it, whatever there is at `/proc` inside.
    ///
    /// # Errors
    /// [`RootfsError::Proc`].
    pub fn write_proc(&self, file: &Path, value: &str) -> Result<(), RootfsError> {
        let failed = |errno| RootfsError::Proc { file: file.into(), value: value.into(), errno };
        self.root.procfs().and_then(|procfs| procfs.write(file, value)).map_err(failed)
    }

    /// Makes it `/`, hides and protects what the plan says.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn pivot(self) -> Result<Entered, RootfsError> {
        let Self { root, plan } = self;
        // ANCHOR: enter
        pivot::pivot(root.root())?;
        step!(3, "pivot_root: the host's file system is out of reach");
        let (masked, protected) = (mask::mask(&root, &plan.masked_paths)?, mask::protect(&root, &plan.readonly_paths)?);
        // The last look: what was not there may have been away for a moment only.
        let again = (mask::mask(&root, &masked.absent)?, mask::protect(&root, &protected.absent)?);
        // ANCHOR_END: enter
        let (masked, protected) = (masked.count + again.0.count, protected.count + again.1.count);
        if plan.readonly {
            mask::protect_root(root.root())?;
        }
        step!(
            3,
            "{masked} paths masked, {protected} made read-only{}",
            if plan.readonly { ", and the root" } else { "" }
        );
        let wanted = MountOptions::parse(&[&plan.propagation]);
        if !matches!(wanted.propagation, 0 | libc::MS_PRIVATE) {
            sys::mount_setattr(root.root(), wanted.recursive_propagation, 0, 0, wanted.propagation, None).map_err(
                |errno| RootfsError::Root { action: "set the propagation of", path: plan.propagation.clone(), errno },
            )?;
        }
        Ok(Entered(root))
    }
}

impl Entered {
    /// The root of somebody else's mount namespace, for who has just gone in. `proc` is the directory `/proc` as it was
    /// outside: descriptors are opened by it, and not by what the container has in its place.
    ///
    /// # Errors
    /// [`RootfsError::NotProc`], [`RootfsError::Path`].
    pub fn by_joining(proc: OwnedFd) -> Result<Self, RootfsError> {
        if !is_kind(&proc, PROC_SUPER_MAGIC) {
            return Err(RootfsError::NotProc);
        }
        Ok(Self(Places::with_procfs(RootDir::open(Path::new("/"))?, Procfs::from_fd(proc))))
    }

    /// It, to follow paths in.
    pub fn directory(&self) -> &RootDir {
        self.0.root()
    }

    /// Writes to a file of this process's directory in `/proc` (`attr/exec`, say), in one call. It is the kernel that reads
    /// it, whatever there is at `/proc` inside.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write_own(&self, file: &str, value: &str) -> Result<(), Errno> {
        self.0.procfs()?.write_own(file, value)
    }

    /// Binds the terminal `slave` over `/dev/console`: [`Rootfs::console`] has made the place.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub fn bind_console(&self, slave: BorrowedFd) -> Result<(), ConsoleError> {
        bind_console(&self.0, slave)
    }

    /// The container's null device, to read and write. Anything else in its place is not even opened.
    ///
    /// # Errors
    /// [`RootfsError::Mask`], [`RootfsError::Proc`].
    pub fn null(&self) -> Result<OwnedFd, RootfsError> {
        let null = mask::checked_null(&self.0)?;
        self.open(&null, OFlag::O_RDWR, "/dev/null")
    }

    /// Opens a new terminal of the container's devpts: its master's side.
    ///
    /// # Errors
    /// [`RootfsError::NotTerminals`] where `/dev/pts/ptmx` is anything else, [`RootfsError::Proc`].
    pub fn open_ptmx(&self) -> Result<OwnedFd, RootfsError> {
        const PTMX: &str = "/dev/pts/ptmx";
        let ptmx = self.0.resolve(Path::new(PTMX))?;
        if is_kind(&ptmx, DEVPTS_MAGIC) {
            self.open(&ptmx, OFlag::O_RDWR, PTMX)
        } else {
            Err(RootfsError::NotTerminals)
        }
    }

    fn open(&self, file: &OwnedFd, flags: OFlag, path: &str) -> Result<OwnedFd, RootfsError> {
        let failed = |errno| RootfsError::Root { action: "open in", path: path.into(), errno };
        self.0.procfs().and_then(|procfs| procfs.reopen(file, flags)).map_err(failed)
    }
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
fn check_proc(root: &Places, destination: &Path) -> Result<(), RootfsError> {
    if is_kind(&root.root().resolve(destination)?, PROC_SUPER_MAGIC) { Ok(()) } else { Err(RootfsError::NotProc) }
}
