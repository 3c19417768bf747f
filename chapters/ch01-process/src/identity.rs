//! Which process is meant, for those who are not its parent: its number, and when it began.
//!
//! A number alone says nothing: the kernel gives it to another process as soon as the first one has been waited for.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Diagnose, FailureKind};

/// Why a process could not be identified.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// It has ended; another one may have its number.
    #[error("process {0} has ended")]
    Ended(i32),
    /// The kernel says nothing of it.
    #[error("read /proc/{pid}/stat: {source}")]
    Read {
        /// Its number.
        pid: i32,
        /// The reason.
        source: io::Error,
    },
    /// No descriptor of it.
    #[error("open process {pid}: {errno}")]
    Open {
        /// Its number.
        pid: i32,
        /// The reason.
        errno: Errno,
    },
}

impl Diagnose for IdentityError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Ended(_) => FailureKind::NotFound,
            Self::Read { source, .. } => source.into(),
            Self::Open { errno, .. } => (*errno).into(),
        })
    }
}

/// One process of this boot, running or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// As our PID namespace counts.
    pub pid: i32,
    /// Clock ticks from boot to its start: field 22 of `/proc/PID/stat`.
    pub start_time: u64,
}

impl Identity {
    /// Of a process that cannot end unseen: our own child, or ourselves.
    ///
    /// # Errors
    /// [`IdentityError::Read`], [`IdentityError::Ended`].
    pub fn of(pid: Pid) -> Result<Self, IdentityError> {
        let pid = pid.as_raw();
        let read = fs::read_to_string(format!("/proc/{pid}/stat"));
        let text = read.map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ESRCH) => IdentityError::Ended(pid),
            _ => IdentityError::Read { pid, source },
        })?;
        let start_time = start_time(&text)
            .ok_or_else(|| IdentityError::Read { pid, source: io::Error::from(io::ErrorKind::InvalidData) })?;
        Ok(Self { pid, start_time })
    }

    /// Takes hold of it (`pidfd_open(2)`). From then on its number cannot pass to another process unseen.
    ///
    /// # Errors
    /// [`IdentityError::Ended`], also if it has ended and was not waited for.
    // ANCHOR: open
    pub fn open(&self) -> Result<OwnedFd, IdentityError> {
        let pid = self.pid;
        let ended = || IdentityError::Ended(pid);
        let number = Some(pid).filter(|pid| *pid > 0).and_then(rustix::process::Pid::from_raw).ok_or_else(ended)?;
        let pidfd = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            rustix::io::Errno::SRCH => ended(),
            error => IdentityError::Open { pid, errno: Errno::from_raw(error.raw_os_error()) },
        })?;
        // Read after the number was taken hold of, and believed if its holder lives on: then nobody else can have had it.
        let same = Self::of(Pid::from_raw(pid))? == *self;
        if same && !has_ended(&pidfd) { Ok(pidfd) } else { Err(ended()) }
    }
    // ANCHOR_END: open

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.open().is_ok()
    }
}

/// Whether the process of `pidfd` has ended: then the descriptor is readable.
pub fn has_ended(pidfd: impl AsFd) -> bool {
    let mut interest = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut interest, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// The name, in parentheses, is the program's own choice: it may contain parentheses and blanks itself.
pub(crate) fn start_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpid;

    use super::*;

    #[test]
    fn another_process_of_the_same_number_is_not_meant() {
        let own = Identity::of(getpid()).expect("ourselves");
        assert!(own.is_alive());
        let before = Identity { start_time: own.start_time - 1, ..own };
        assert!(matches!(before.open(), Err(IdentityError::Ended(_))));
        for pid in [0, -1, i32::MAX] {
            assert!(
                matches!(Identity { pid, ..own }.open(), Err(IdentityError::Ended(_) | IdentityError::Open { .. })),
                "{pid}"
            );
        }
    }

    #[test]
    fn a_name_cannot_forge_the_time() {
        let stat = "7 (a) R 1 1 ) 0) S 1 7 7 0 -1 4194304 103 0 0 0 0 0 0 0 20 0 1 0 2687679 3133440 413";
        assert_eq!(start_time(stat), Some(2_687_679));
        assert_eq!(start_time("7 (a) S 1"), None);
    }
}
