//! Being told when a group is out of memory, without asking again and again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use nix::sys::uio::pread;

use crate::error::CgroupError;
use crate::stats::number_of;

/// Becomes ready when a group runs out of memory. The kernel says so just before it kills; how many it has killed is
/// [`crate::Cgroup::oom_kills`].
#[derive(Debug)]
pub struct OomWatch {
    source: Source,
    group: PathBuf,
}

#[derive(Debug)]
enum Source {
    /// v1: raised by the kernel on every event, and once more when the group is removed.
    Event {
        event: EventFd,
        /// The registration lives as long as this file; and it can be read as long as the group exists.
        control: OwnedFd,
    },
    /// v2: `memory.events`, which also changes for other reasons, and how many times memory was out so far.
    File { events: OwnedFd, seen: u64 },
}

impl OomWatch {
    pub(crate) fn event(event: EventFd, control: OwnedFd, group: &Path) -> Self {
        Self { source: Source::Event { event, control }, group: group.into() }
    }

    pub(crate) fn file(events: OwnedFd, group: &Path) -> Result<Self, CgroupError> {
        // The first read arms the notification.
        let seen = times_out(&events).ok_or_else(|| failed(group, Errno::ENODEV))?;
        Ok(Self { source: Source::File { events, seen }, group: group.into() })
    }

    /// What to ask `poll(2)` for: `POLLIN` of an eventfd on v1, `POLLPRI` of `memory.events` on v2.
    pub fn flags(&self) -> PollFlags {
        match &self.source {
            Source::Event { .. } => PollFlags::POLLIN,
            Source::File { .. } => PollFlags::POLLPRI,
        }
    }

    /// After `poll` said that it is ready: whether memory was out since the last time. Arms it again.
    pub fn take(&mut self) -> bool {
        match &mut self.source {
            Source::Event { event, control } => {
                let raised = event.read().is_ok();
                raised && pread(&*control, &mut [0; 64], 0).is_ok()
            }
            Source::File { events, seen } => {
                let before = *seen;
                *seen = times_out(events).unwrap_or(before);
                *seen > before
            }
        }
    }

    /// Waits until memory is out, or until `timeout` has passed since something happened; says whether it was.
    ///
    /// # Errors
    /// [`CgroupError::Wait`].
    pub fn wait(&mut self, timeout: PollTimeout) -> Result<bool, CgroupError> {
        loop {
            match poll(&mut [PollFd::new(self.as_fd(), self.flags())], timeout) {
                Ok(0) => return Ok(false),
                Ok(_) if self.take() => return Ok(true),
                // On v1 the only other reason is that the group is gone.
                Ok(_) if matches!(self.source, Source::Event { .. }) => return Ok(false),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(&self.group, errno)),
            }
        }
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.source {
            Source::Event { event, .. } => event.as_fd(),
            Source::File { events, .. } => events.as_fd(),
        }
    }
}

/// Times that memory was out, by `memory.events`; `None` when the group is gone.
fn times_out(events: &OwnedFd) -> Option<u64> {
    let mut text = [0; 512];
    let length = pread(events, &mut text, 0).ok()?;
    let text = String::from_utf8_lossy(&text[..length]);
    // A limit of the parent's kills here without "oom".
    Some(number_of(&text, "oom").unwrap_or(0) + number_of(&text, "oom_kill").unwrap_or(0))
}

fn failed(group: &Path, errno: Errno) -> CgroupError {
    CgroupError::Wait { group: group.into(), state: "out of memory", errno }
}
