//! One mount, by the new mount API: made detached, adjusted, and only then attached, to a descriptor.
//!
//! `mount(2)` takes the target's name, and between check and use a name can come to mean something else
//! (CVE-2021-30465). `move_mount(2)` takes a descriptor.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use namespaces::IdRange;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};
use process::sys;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use serde::{Deserialize, Serialize};

use crate::copy_up::copy_up;
use crate::errno::{errno, errno_of};
use crate::mount_error::MountError;
use crate::options::{MountOptions, Reach};
use crate::places::{Own, Places};
use crate::root_dir::RootDir;

/// What may be shown differently to a container. runc allows the same; lxcfs provides most of it.
const REPLACEABLE: [&str; 10] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/uptime",
];

/// One mount, as the OCI runtime specification describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mount {
    /// Where, inside.
    pub destination: PathBuf,
    /// File system type; for a bind mount, "bind" or nothing.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Device, or directory of a bind mount, outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// As in `mount(8)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Owners of the source's files, and whom they are shown to belong to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdRange>,
    /// The same of groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdRange>,
}

impl Mount {
    /// A copy that is to stay tied to its original (`shared`, `slave`). It has to be taken while there is a tie: before
    /// everything in this namespace is made private.
    ///
    /// # Errors
    /// [`MountError`].
    pub(crate) fn tied(&self) -> Result<Option<OwnedFd>, MountError> {
        let options = MountOptions::parse(&self.options);
        let tied = matches!(options.propagation, libc::MS_SHARED | libc::MS_SLAVE);
        (tied && self.is_bind(&options)).then(|| self.bind(&options, None)).transpose()
    }

    /// Whether its files are to be shown with other owners.
    ///
    /// # Errors
    /// [`MountError::IdMap`] where that cannot be.
    pub(crate) fn maps_ids(&self) -> Result<bool, MountError> {
        let options = MountOptions::parse(&self.options);
        let maps = [&self.uid_mappings, &self.gid_mappings].map(|map| !map.is_empty());
        let wrong = |reason| Err(MountError::IdMap { destination: self.destination.clone(), reason });
        match (options.id_map.is_some(), maps) {
            (false, [false, false]) => Ok(false),
            _ if !self.is_bind(&options) => wrong("are only supported for bind-mounts"),
            (_, [true, true]) => Ok(true),
            _ => wrong("must have both uid and gid mappings specified"),
        }
    }

    /// A copy of what is bound, for whoever cannot reach its path later, or cannot map its owners: by the user namespace
    /// `users`. Unless it is to stay tied, what is mounted in it inside goes nowhere else.
    ///
    /// # Errors
    /// [`MountError`].
    pub(crate) fn source(&self, users: Option<BorrowedFd>) -> Result<Option<OwnedFd>, MountError> {
        let options = MountOptions::parse(&self.options);
        if !self.is_bind(&options) {
            return Ok(None);
        }
        let tree = self.bind(&options, users)?;
        if !matches!(options.propagation, libc::MS_SHARED | libc::MS_SLAVE) {
            sys::mount_setattr(&tree, true, 0, 0, libc::MS_PRIVATE, None)
                .map_err(|errno| self.failed("make private", errno, String::new()))?;
        }
        Ok(Some(tree))
    }

    /// Makes the mount, or takes the copy that is `tied`, and attaches it inside `root`. The target is made if it is
    /// missing.
    ///
    /// A read-only tmpfs comes back: it is to be made so only when what belongs into it is there.
    ///
    /// # Errors
    /// [`MountError`].
    pub(crate) fn attach(&self, root: &mut Places, tied: Option<OwnedFd>) -> Result<Option<OwnedFd>, MountError> {
        let mut options = MountOptions::parse(&self.options);
        let protect_later = self.kind == "tmpfs" && options.is_read_only();
        if protect_later {
            options.own.set &= !libc::MOUNT_ATTR_RDONLY;
            options.all.set &= !libc::MOUNT_ATTR_RDONLY;
        }
        let (directory, path) = root.find(&self.destination);
        let tree = match tied {
            Some(tree) => tree,
            None if self.is_bind(&options) => self.bind(&options, None)?,
            None => {
                self.cover_mode(&mut options, directory, path)?;
                self.make(&options)?
            }
        };
        // ANCHOR: place
        let target = self.target(directory, path, is_directory(&tree))?;
        if root.is_root(&target) {
            return Err(MountError::OverRoot { what: self.what(), destination: self.destination.clone() });
        }
        self.refuse_in_proc(&target)?;
        if options.copy_up && self.kind == "tmpfs" {
            root.procfs()
                .and_then(|procfs| copy_up(&target, &tree, procfs))
                .map_err(|errno| self.failed("copy what is hidden to", errno, String::new()))?;
        }
        attach(tree.as_fd(), target.as_fd()).map_err(|errno| self.failed("attach", errno, String::new()))?;
        // ANCHOR_END: place
        if options.propagation != 0 {
            sys::mount_setattr(&tree, options.recursive_propagation, 0, 0, options.propagation, None)
                .map_err(|errno| self.failed("set propagation of", errno, String::new()))?;
        }
        let again = protect_later.then(|| tree.try_clone()).transpose();
        let again = again.map_err(|error| self.failed("keep", errno_of(&error), String::new()))?;
        let own = self.own(&options, &tree);
        root.add(&self.destination, &target, own.map(|own| (own, tree)));
        Ok(again)
    }

    /// The place for it, made if it is missing.
    fn target(&self, directory: &RootDir, path: &Path, is_directory: bool) -> Result<OwnedFd, MountError> {
        let target = if matches!(self.kind.as_str(), "proc" | "sysfs") {
            // Others rely on finding the kernel there, under that name.
            directory.create_dir(path, 0o755)
        } else if is_directory {
            directory.create_dir_all(path, 0o755)
        } else {
            directory.create_file(path, 0o644)
        };
        target.map_err(|error| {
            if matches!(self.kind.as_str(), "proc" | "sysfs") && directory.is_link(path).unwrap_or(false) {
                MountError::Link { kind: self.kind.clone(), destination: self.destination.clone() }
            } else {
                error.of(&self.destination).into()
            }
        })
    }

    /// A tmpfs without a mode takes that of the directory which it covers: `/root` stays closed. Without one it can be
    /// written by everybody, as the kernel has it.
    fn cover_mode(&self, options: &mut MountOptions, directory: &RootDir, path: &Path) -> Result<(), MountError> {
        if self.kind != "tmpfs" || options.data.iter().any(|(name, _)| name == "mode") {
            return Ok(());
        }
        match directory.resolve(path) {
            Ok(covered) => {
                let metadata = fstat(&covered).map_err(|errno| self.failed("look below", errno, String::new()))?;
                options.data.push(("mode".into(), Some(format!("{:o}", metadata.st_mode & 0o7777))));
                Ok(())
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.of(&self.destination).into()),
        }
    }

    /// Whether what is in `tree` is the kernel's or ours alone, so that it can be walked without the container's root.
    /// Links in a volume mean something only from there.
    fn own(&self, options: &MountOptions, tree: &OwnedFd) -> Option<Own> {
        if self.is_bind(options) {
            // What podman does for `--pid host`, where there can be no new procfs.
            return [PROC_SUPER_MAGIC, SYSFS_MAGIC].iter().any(|kind| is_kind(tree, *kind)).then_some(Own::Kernel);
        }
        match self.kind.as_str() {
            "proc" if options.data.is_empty() && !options.is_read_only() => Some(Own::Proc),
            "proc" | "sysfs" | "cgroup" | "cgroup2" => Some(Own::Kernel),
            "tmpfs" | "devpts" | "mqueue" => Some(Own::Empty),
            _ => None,
        }
    }

    /// A bind mount for which somebody has to give what it shows.
    pub(crate) fn lacks_source(&self) -> bool {
        self.source.is_none() && self.kind == "bind"
    }

    fn is_bind(&self, options: &MountOptions) -> bool {
        options.bind.is_some() || self.kind == "bind"
    }

    /// Whoever could mount over `/proc/sys` or a mask would undo it. Asked of the descriptor, after all links
    /// (CVE-2025-52881).
    fn refuse_in_proc(&self, target: &OwnedFd) -> Result<(), MountError> {
        let replaceable = || REPLACEABLE.iter().any(|file| self.destination == Path::new(file));
        if self.kind == "proc" || !is_kind(target, PROC_SUPER_MAGIC) || replaceable() {
            return Ok(());
        }
        Err(MountError::OverProc { what: self.what(), destination: self.destination.clone() })
    }

    /// Makes what [`Mount::attach`] gave back read-only.
    pub(crate) fn protect(&self, tree: &OwnedFd) -> Result<(), MountError> {
        sys::mount_setattr(tree, false, libc::MOUNT_ATTR_RDONLY, 0, 0, None)
            .map_err(|errno| self.failed("protect", errno, String::new()))
    }

    /// A new instance of a file system, not attached anywhere.
    fn make(&self, options: &MountOptions) -> Result<OwnedFd, MountError> {
        let context = fsopen(self.kind.as_str(), FsOpenFlags::FSOPEN_CLOEXEC)
            .map_err(|error| self.failed("mount", errno(error), String::new()))?;
        let refused = |error| self.failed("mount", errno(error), log_of(&context));
        if let Some(source) = &self.source {
            fsconfig_set_string(&context, "source", source.as_path()).map_err(refused)?;
        }
        for (name, value) in &options.data {
            match value {
                Some(value) => fsconfig_set_string(&context, name.as_str(), value.as_str()).map_err(refused)?,
                None => fsconfig_set_flag(&context, name.as_str()).map_err(refused)?,
            }
        }
        fsconfig_create(&context).map_err(refused)?;
        let attributes =
            MountAttrFlags::from_bits_retain(u32::try_from(options.own.set | options.all.set).unwrap_or_default());
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(refused)
    }

    /// A copy of a mount that exists, not attached anywhere, with the owners that `users` says.
    fn bind(&self, options: &MountOptions, users: Option<BorrowedFd>) -> Result<OwnedFd, MountError> {
        let source = self.source.as_ref().ok_or_else(|| MountError::NoSource(self.destination.clone()))?;
        let tree = clone_tree(AT_FDCWD, source, options.bind == Some(Reach::Tree))
            .map_err(|errno| self.failed("open", errno, String::new()))?;
        for (recursive, wanted) in [(false, options.own), (true, options.all)] {
            if wanted.is_some() {
                sys::mount_setattr(&tree, recursive, wanted.set, wanted.clear, 0, None)
                    .map_err(|errno| self.failed("set attributes of", errno, String::new()))?;
            }
        }
        if let Some(users) = users {
            idmapped(&tree, users, options.id_map == Some(Reach::Tree))
                .map_err(|errno| self.failed("map the owners of", errno, String::new()))?;
        }
        Ok(tree)
    }

    fn failed(&self, action: &'static str, errno: Errno, log: String) -> MountError {
        MountError::Kernel { action, what: self.what(), destination: self.destination.clone(), errno, log }
    }

    /// How a message calls it.
    fn what(&self) -> String {
        match &self.source {
            Some(source) if matches!(self.kind.as_str(), "" | "bind" | "none") => source.display().to_string(),
            _ => self.kind.clone(),
        }
    }
}

/// A detached copy of the mount at `path`, with all below it if `recursive`.
pub(crate) fn clone_tree(directory: impl AsFd, path: &Path, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    open_tree(directory, path, flags).map_err(errno)
}

/// Attaches a detached mount to what `target` stands for.
pub(crate) fn attach(tree: BorrowedFd, target: BorrowedFd) -> Result<(), Errno> {
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", target, "", both).map_err(errno)
}

/// Shows the files of a detached mount, or of all below it too, with other owners: those that `user_namespace` maps to them.
///
/// # Errors
/// `EINVAL` for a file system that cannot be id-mapped, `EPERM` for a mount that is attached already.
pub(crate) fn idmapped(tree: &OwnedFd, user_namespace: BorrowedFd, recursive: bool) -> Result<(), Errno> {
    sys::mount_setattr(tree, recursive, libc::MOUNT_ATTR_IDMAP, 0, 0, Some(user_namespace))
}

pub(crate) fn is_directory(file: &OwnedFd) -> bool {
    fstat(file).is_ok_and(|metadata| SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
}

/// Whether `file` is in a file system of this kind.
pub(crate) fn is_kind(file: &OwnedFd, kind: FsType) -> bool {
    fstatfs(file).is_ok_and(|found| found.filesystem_type() == kind)
}

/// What the file system wrote into its context while it was being made: one message a read.
fn log_of(context: &OwnedFd) -> String {
    let Ok(copy) = context.try_clone() else { return String::new() };
    let mut file = std::fs::File::from(copy);
    let mut messages = Vec::new();
    let mut buffer = [0; 512];
    while let Ok(length) = file.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]);
        // "e " an error, "w " a warning, "i " information.
        messages.push(text.trim_start_matches(['e', 'w', 'i']).trim().to_owned());
        if length == 0 {
            break;
        }
    }
    messages.retain(|message| !message.is_empty());
    if messages.is_empty() { String::new() } else { format!(" ({})", messages.join("; ")) }
}
