//! A procfs to write to, and to open files by their descriptors.
//!
//! What stands at `/proc` of a container may be somebody's directory: without a mount there, a write to a kernel parameter
//! lands in a file of the image (CVE-2025-52881). So nothing is written by that name. File systems are mounted anew for
//! each container, and the descriptor of such a mount is proof enough.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::write;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use crate::errno::errno;

/// The root of a procfs that nobody can have tampered with.
#[derive(Debug)]
pub(crate) struct Procfs(OwnedFd);

impl Procfs {
    /// A new instance, mounted nowhere.
    ///
    /// # Errors
    /// `EPERM` in a user namespace whose maker's own `/proc` is covered in parts.
    pub(crate) fn private() -> Result<Self, Errno> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).map_err(errno)?;
        fsconfig_create(&context).map_err(errno)?;
        let attributes =
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map(Self).map_err(errno)
    }

    /// The mount that `descriptor` is the root of.
    pub(crate) fn from_fd(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Writes `value`, in one call, to the file `path` (relative). No link is followed and no mount crossed.
    pub(crate) fn write(&self, path: &Path, value: &str) -> Result<(), Errno> {
        let how = OpenHow::new()
            .flags(OFlag::O_WRONLY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV);
        write(openat2(&self.0, path, how)?, value.as_bytes()).map(drop)
    }

    /// The same to a file of this process's directory.
    pub(crate) fn write_own(&self, file: &str, value: &str) -> Result<(), Errno> {
        let number = readlinkat(&self.0, "self")?;
        self.write(&Path::new(&number).join(file), value)
    }

    /// Opens what an `O_PATH` descriptor stands for. Its kind has been looked at, and cannot be another one now.
    pub(crate) fn reopen(&self, file: impl AsFd, flags: OFlag) -> Result<OwnedFd, Errno> {
        let name = format!("self/fd/{}", file.as_fd().as_raw_fd());
        openat(&self.0, name.as_str(), flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty())
    }
}
