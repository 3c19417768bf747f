//! Showing a directory with other owners, where it is: for containers with users of their own.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::sys::stat::Mode;

use crate::mount::{attach, clone_tree, idmapped};

/// Mounts `directory` over itself, id-mapped by `user_namespace`: what belongs to 0 on disk belongs to its root. To be
/// called in a mount namespace of one's own.
///
/// # Errors
/// `EINVAL` for a file system that cannot be id-mapped, `ENOENT`.
pub fn map_in_place(directory: &Path, user_namespace: BorrowedFd) -> Result<(), Errno> {
    let place = open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let tree = clone_tree(AT_FDCWD, directory, false)?;
    idmapped(&tree, user_namespace, true)?;
    attach(tree.as_fd(), place.as_fd())
}
