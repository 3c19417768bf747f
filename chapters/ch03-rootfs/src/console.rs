//! `/dev/console`: the container's terminal, under the name that some programs insist on.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::mount::{attach, clone_tree};
use crate::places::Places;
use crate::root_dir::RootDirError;

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

impl Diagnose for ConsoleError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Place)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Bind(errno) => Some((*errno).into()),
            Self::InTheWay => Some(FailureKind::Invalid),
            Self::Place(_) => None,
        }
    }
}

const CONSOLE: &str = "/dev/console";

/// The file that the terminal will be bound over, for as long as files can be made there: `/dev` may become read-only.
pub(crate) fn make_place(root: &Places) -> Result<(), ConsoleError> {
    const NEW: OFlag = OFlag::O_CREAT.union(OFlag::O_EXCL).union(OFlag::O_WRONLY).union(OFlag::O_CLOEXEC);
    let (directory, path) = root.find(Path::new(CONSOLE));
    let (parent, name) = directory.parent_of(path)?;
    match openat(&parent, name.as_os_str(), NEW, Mode::from_bits_truncate(0o600)) {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(ConsoleError::Bind(errno)),
    }
}

/// Binds the terminal `slave` over `/dev/console`. What is there is found once, and no link is followed to it.
///
/// # Errors
/// [`ConsoleError`].
pub(crate) fn bind_console(root: &Places, slave: BorrowedFd) -> Result<(), ConsoleError> {
    const FIND: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
    let (directory, path) = root.find(Path::new(CONSOLE));
    let (parent, name) = directory.parent_of(path)?;
    let target = openat(&parent, name.as_os_str(), FIND, Mode::empty()).map_err(ConsoleError::Bind)?;
    let metadata = fstat(&target).map_err(ConsoleError::Bind)?;
    if !matches!(SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT, SFlag::S_IFREG | SFlag::S_IFCHR) {
        return Err(ConsoleError::InTheWay);
    }
    let terminal = clone_tree(slave, Path::new(""), false).map_err(ConsoleError::Bind)?;
    attach(terminal.as_fd(), target.as_fd()).map_err(ConsoleError::Bind)
}
