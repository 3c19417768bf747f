//! `/dev/console`: the container's terminal, under the name that some programs insist on.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use process::Diagnose;
use thiserror::Error;

use crate::mount::{attach, clone_tree};
use crate::root_dir::{RootDir, RootDirError};

/// The terminal could not be put there.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// The kernel refused.
    #[error("bind the terminal on /dev/console: {0}")]
    Bind(Errno),
    /// The place for it.
    #[error(transparent)]
    Place(#[from] RootDirError),
    /// Somebody's link or device is in the way (CVE-2025-52565).
    #[error("/dev/console of the image is not a plain file or device")]
    InTheWay,
}

impl Diagnose for ConsoleError {}

/// Binds the terminal `slave` over `/dev/console`. To be called after the pivot.
///
/// # Errors
/// [`ConsoleError`].
pub fn bind_console(slave: BorrowedFd) -> Result<(), ConsoleError> {
    let root = RootDir::open(Path::new("/"))?;
    if root.is_link("/dev/console")? {
        return Err(ConsoleError::InTheWay);
    }
    let target = root.create_file("/dev/console", 0o600)?;
    let terminal = clone_tree(slave, Path::new(""), false).map_err(ConsoleError::Bind)?;
    attach(terminal.as_fd(), target.as_fd()).map_err(ConsoleError::Bind)
}
