//! A child process, held by a pidfd: it cannot be mistaken for another process that got its number.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use thiserror::Error;

use crate::{Diagnose, sys};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It called `exit` with this status.
    Code(u8),
    /// This signal ended it.
    Signal(i32),
}

impl ExitStatus {
    /// From what `wait` reports: an exit status or a signal, never both.
    pub(crate) fn from_parts(code: Option<i32>, signal: Option<i32>) -> Self {
        match (code, signal) {
            (Some(code), _) => Self::Code(code.to_le_bytes()[0]),
            (None, Some(number)) => Self::Signal(number),
            (None, None) => Self::Code(u8::MAX),
        }
    }

    /// The status as a shell and docker show it: the code itself, or 128 plus the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "exit status {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(out, "ended by {signal}"),
                Err(_) => write!(out, "ended by signal {number}"),
            },
        }
    }
}

/// Why a child could not be waited for or signalled.
#[derive(Debug, Error)]
pub enum ChildError {
    /// `waitid(2)` failed.
    #[error("wait for process {pid}: {errno}")]
    Wait {
        /// The child.
        pid: Pid,
        /// The kernel's reason.
        errno: Errno,
    },
    /// `pidfd_send_signal(2)` failed.
    #[error("send signal {signal} to process {pid}: {errno}")]
    Signal {
        /// The child.
        pid: Pid,
        /// The signal's number.
        signal: i32,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for ChildError {}

/// A child that runs its program. Dropped before [`Child::wait`] has seen its end, it is killed and reaped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    received: Option<OwnedFd>,
    reaped: bool,
}

impl Child {
    pub(crate) fn new(pid: Pid, pidfd: OwnedFd) -> Self {
        Self { pid, pidfd, received: None, reaped: false }
    }

    pub(crate) fn receive(&mut self, descriptor: OwnedFd) {
        self.received = Some(descriptor);
    }

    /// Its number, as the caller's PID namespace counts.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The descriptor that [`Gate::send_fd`](crate::Gate::send_fd) sent, if it did: a terminal's master side.
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.received.take()
    }

    /// Waits for the end and reaps the process.
    ///
    /// # Errors
    /// [`ChildError::Wait`], which a child of ours gives only when it was reaped elsewhere.
    // ANCHOR: wait
    pub fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        // ANCHOR: ex_wait
        loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ChildError::Wait { pid: self.pid, errno: errno_of(error) }),
                Ok(Some(end)) => {
                    self.reaped = true;
                    return Ok(ExitStatus::from_parts(end.exit_status(), end.terminating_signal()));
                }
            }
        }
        // ANCHOR_END: ex_wait
    }
    // ANCHOR_END: wait

    /// Leaves the process to itself: it is not killed, and somebody else reaps it.
    pub fn leave(mut self) {
        self.reaped = true;
    }

    /// Sends the signal with this number.
    ///
    /// # Errors
    /// [`ChildError::Signal`]: `ESRCH` when the process has ended, `EINVAL` for a number that is none.
    pub fn signal(&self, number: i32) -> Result<(), ChildError> {
        sys::pidfd_send_signal(self.pidfd.as_fd(), number).map_err(|errno| ChildError::Signal {
            pid: self.pid,
            signal: number,
            errno,
        })
    }
}

impl AsFd for Child {
    /// The pidfd: readable (`poll(2)`) once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            // For a process that was reaped elsewhere a pidfd gives ESRCH, then ECHILD: no stranger is hit, and
            // nothing waits.
            let _ = self.signal(Signal::SIGKILL as i32);
            let pidfd = || WaitId::PidFd(self.pidfd.as_fd());
            while matches!(waitid(pidfd(), WaitIdOptions::EXITED), Err(rustix::io::Errno::INTR)) {}
        }
    }
}

fn errno_of(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
