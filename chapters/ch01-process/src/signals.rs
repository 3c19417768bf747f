//! Signals as things to read: blocked, and taken from a descriptor when we are ready (`signalfd(2)`).

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that are never passed on: two cannot be caught, and three speak of this process alone (its children, its
/// readers, its sockets). A fault of our own is none of the others: the kernel ends a process that blocks `SIGSEGV` and
/// earns one, so only what somebody sent is read here.
const OURS: [Signal; 5] = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGCHLD, Signal::SIGPIPE, Signal::SIGURG];

/// The signals by which people ask for an end.
const ENDS: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// What a signal for us means to the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// It is passed on, whatever comes: a runtime that somebody else supervises.
    Always,
    /// It is passed on; the third `SIGINT` or `SIGTERM` means us, for the child ignores them.
    UntilThird,
    /// It is not passed on, and has its usual effect on us; `SIGINT` and `SIGTERM` have none until the third.
    Never,
}

/// Signals that a supervisor takes for its child, blocked for this process and readable from a descriptor.
#[derive(Debug)]
pub struct Forwarded {
    descriptor: SignalFd,
    proxy: Proxy,
}

impl Forwarded {
    /// Blocks them. Do it before the child is made: a signal in between then waits instead of ending us.
    ///
    /// # Errors
    /// Those of `signalfd(2)`: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn block(proxy: Proxy) -> Result<Self, Errno> {
        let set = match proxy {
            Proxy::Never => ENDS.into_iter().chain([Signal::SIGWINCH]).collect(),
            _ => everything(),
        };
        Self::block_set(&set, proxy)
    }

    /// Blocks all of them, and `also`: PID 1 wants `SIGCHLD` too.
    ///
    /// # Errors
    /// As [`Forwarded::block`].
    pub fn block_with(also: &[Signal]) -> Result<Self, Errno> {
        let mut set = everything();
        for signal in also {
            set.add(*signal);
        }
        Self::block_set(&set, Proxy::Always)
    }

    fn block_set(set: &SigSet, proxy: Proxy) -> Result<Self, Errno> {
        set.thread_block()?;
        // Who reads what we write may go away at any time: an error of `write`, not our end.
        SigSet::from(Signal::SIGPIPE).thread_block()?;
        let descriptor = SignalFd::with_flags(set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { descriptor, proxy })
    }

    /// The number of the next signal that has come, or `None`. Does not wait: poll the descriptor for that.
    ///
    /// # Errors
    /// Those of `read(2)`.
    pub fn next(&self) -> Result<Option<i32>, Errno> {
        Ok(self.descriptor.read_signal()?.map(|info| info.ssi_signo.cast_signed()))
    }

    /// What they mean to the child.
    pub fn proxy(&self) -> Proxy {
        self.proxy
    }
}

/// All that may be passed on, the real-time signals, which have no names, with them.
fn everything() -> SigSet {
    let mut set = SigSet::all();
    for signal in OURS {
        set.remove(signal);
    }
    set
}

/// Whether people send this one to ask for an end.
pub(crate) fn asks_for_end(number: i32) -> bool {
    ENDS.iter().any(|signal| *signal as i32 == number)
}

impl AsFd for Forwarded {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
