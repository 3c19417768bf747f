//! What stands between `create` and `start`, when those are two programs: a process that waits, and a way to reach it.
//!
//! Two FIFOs in a directory of the runtime's. The container's first process has both open and reads from one: who writes a
//! byte to it lets the process go. From the other comes what went wrong, or the end of the file, for it closes at exec. Unlike
//! a socket's, a FIFO's descriptor needs nothing but `read(2)`, which no filter forbids, and it leads nowhere.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{mkfifo, read, write};
use process::{Diagnose, Failure, FailureKind};
use thiserror::Error;

const START: &str = "start";
const REPORT: &str = "report";

/// The process behind the door could not be let go.
#[derive(Debug, Error)]
pub enum DoorError {
    /// The files.
    #[error("{action} {path}: {source}")]
    File {
        /// "make", "open", …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Nobody waits there.
    #[error("cannot start a container that is not created")]
    Nobody,
    /// It was let go, and could not execute the program.
    #[error("{0}")]
    Inside(Failure),
}

impl Diagnose for DoorError {
    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::File { .. } => None,
            Self::Nobody => Some(FailureKind::Conflict),
            Self::Inside(failure) => Some(failure.kind),
        }
    }

    fn hint(&self) -> Option<String> {
        if let Self::Inside(failure) = self { failure.hint.clone() } else { None }
    }
}

/// The inner side.
#[derive(Debug)]
pub struct Door {
    start: OwnedFd,
    report: OwnedFd,
}

impl Door {
    /// Makes one in `directory`, where there is none.
    ///
    /// # Errors
    /// [`DoorError::File`].
    pub fn make(directory: &Path) -> Result<Self, DoorError> {
        let half = |name: &str| {
            let path = directory.join(name);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(|errno| failed("make", &path)(errno.into()))?;
            // For both, so that neither opening nor reading depends on who else is there.
            open(&path, true, true)
        };
        Ok(Self { start: half(START)?, report: half(REPORT)? })
    }

    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.start.as_fd(), self.report.as_fd()]
    }

    /// In the child: until somebody opens it.
    pub(crate) fn wait(&self) -> Result<(), Errno> {
        loop {
            match read(&self.start, &mut [0]) {
                Err(Errno::EINTR) => {}
                other => return other.map(drop),
            }
        }
    }

    /// In the child: what went wrong. Exec says the opposite by closing it.
    pub(crate) fn report(&self, failure: &Failure) {
        let text = serde_json::to_vec(failure).unwrap_or_default();
        let _ = write(&self.report, &text[..text.len().min(4096)]);
    }
}

/// Whether somebody waits behind the door in `directory`. Only who has it open makes opening it succeed.
// ANCHOR: is_waited_at
pub(crate) fn is_waited_at(directory: &Path) -> bool {
    open(&directory.join(START), false, true).is_ok()
}
// ANCHOR_END: is_waited_at

/// Lets the process go, and returns once it has executed its program.
///
/// # Errors
/// [`DoorError`].
pub(crate) fn open_door(directory: &Path) -> Result<(), DoorError> {
    let report = open(&directory.join(REPORT), true, false)?;
    let start = open(&directory.join(START), false, true).map_err(|_| DoorError::Nobody)?;
    write(&start, b"s").map_err(|errno| failed("write to", &directory.join(START))(errno.into()))?;
    drop(start);
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match read(&report, &mut buffer) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&buffer[..length]),
            Err(Errno::EAGAIN | Errno::EINTR) => {
                let _ = poll(&mut [PollFd::new(report.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
            }
            Err(errno) => return Err(failed("read", &directory.join(REPORT))(errno.into())),
        }
    }
    if said.is_empty() {
        return Ok(());
    }
    let unreadable = || Failure::new(FailureKind::System, String::from_utf8_lossy(&said));
    Err(DoorError::Inside(serde_json::from_slice(&said).unwrap_or_else(|_| unreadable())))
}

/// Takes the door away: nobody waits any more.
pub(crate) fn remove(directory: &Path) {
    for name in [START, REPORT] {
        let _ = std::fs::remove_file(directory.join(name));
    }
}

/// Without waiting for the other side, unless both are ours.
fn open(path: &Path, reading: bool, writing: bool) -> Result<OwnedFd, DoorError> {
    let flags = if reading && writing { OFlag::empty() } else { OFlag::O_NONBLOCK };
    let opened = std::fs::OpenOptions::new().read(reading).write(writing).custom_flags(flags.bits()).open(path);
    opened.map(OwnedFd::from).map_err(failed("open", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DoorError {
    let path = path.to_path_buf();
    move |source| DoorError::File { action, path, source }
}
