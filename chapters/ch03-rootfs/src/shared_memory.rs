//! `/dev/shm`, where POSIX keeps what processes share by name (`shm_overview(7)`): it is files, so whoever joins an IPC
//! namespace does not have it yet.

use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statfs::TMPFS_MAGIC;

use crate::mount::{clone_tree, is_kind};
use crate::root_dir::RootDir;
use crate::rootfs::RootfsError;

/// Where it is.
pub const SHARED_MEMORY: &str = "/dev/shm";

/// The mount that this process has there, once more and not attached anywhere. The kernel copies a mount only for who is in
/// its mount namespace.
///
/// # Errors
/// [`RootfsError::Root`] where it is no file system in memory, [`RootfsError::Path`].
pub fn copy_shared_memory() -> Result<OwnedFd, RootfsError> {
    let failed = |errno| RootfsError::Root { action: "copy", path: SHARED_MEMORY.into(), errno };
    let memory = RootDir::open(Path::new("/"))?.resolve(Path::new(SHARED_MEMORY))?;
    if !is_kind(&memory, TMPFS_MAGIC) {
        return Err(failed(Errno::ENODEV));
    }
    clone_tree(&memory, Path::new(""), false).map_err(failed)
}
