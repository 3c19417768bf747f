//! Being told when a group is out of memory, without asking again and again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A descriptor that becomes ready when a process of the group is killed for lack of memory.
#[derive(Debug)]
pub struct OomWatch {
    descriptor: OwnedFd,
    flags: PollFlags,
    /// v1's notification lives as long as this file.
    _control: Option<OwnedFd>,
}

impl OomWatch {
    pub(crate) fn new(descriptor: OwnedFd, flags: PollFlags, control: Option<OwnedFd>) -> Self {
        Self { descriptor, flags, _control: control }
    }

    /// What to ask `poll(2)` for: `POLLIN` of an eventfd on v1, `POLLPRI` of `memory.events` on v2.
    pub fn flags(&self) -> PollFlags {
        self.flags
    }

    /// Waits for the next event, or until `timeout`; whether one came.
    ///
    /// # Errors
    /// Those of `poll(2)`.
    pub fn wait(&self, timeout: PollTimeout) -> Result<bool, Errno> {
        poll(&mut [PollFd::new(self.descriptor.as_fd(), self.flags)], timeout).map(|ready| ready > 0)
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
