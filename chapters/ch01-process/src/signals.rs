//! Signals as things to read: blocked, and taken from a descriptor when we are ready (`signalfd(2)`).

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that are about this process and would mean something else, or nothing, to a container's.
const OURS: [Signal; 9] = [
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGCHLD,
    Signal::SIGPIPE,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
];

/// All signals that a supervisor passes on to its child, blocked for this process and readable from a descriptor.
#[derive(Debug)]
pub struct Forwarded {
    descriptor: SignalFd,
}

impl Forwarded {
    /// Blocks them. Do it before the child is made: a signal in between then waits instead of ending us.
    ///
    /// # Errors
    /// Those of `signalfd(2)`: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn block() -> Result<Self, Errno> {
        Self::block_with(&[])
    }

    /// The same, and `also` with them: PID 1 wants `SIGCHLD` too.
    ///
    /// # Errors
    /// As [`Forwarded::block`].
    pub fn block_with(also: &[Signal]) -> Result<Self, Errno> {
        let mut set = SigSet::empty();
        Signal::iterator().filter(|signal| !OURS.contains(signal)).for_each(|signal| set.add(signal));
        for signal in also {
            set.add(*signal);
        }
        set.thread_block()?;
        // Who reads what we write may go away at any time: an error of `write`, not our end.
        SigSet::from(Signal::SIGPIPE).thread_block()?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { descriptor })
    }

    /// The next signal that has come, or `None`. Does not wait: poll the descriptor for that.
    ///
    /// # Errors
    /// Those of `read(2)`.
    pub fn next(&self) -> Result<Option<Signal>, Errno> {
        let Some(info) = self.descriptor.read_signal()? else { return Ok(None) };
        Ok(Signal::try_from(info.ssi_signo.cast_signed()).ok())
    }
}

impl AsFd for Forwarded {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
