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

/// What a watch that is ready has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OomEvent {
    /// Memory was out since the last time.
    OutOfMemory,
    /// Something else happened to the group's memory.
    Nothing,
    /// The group was removed. From now on the watch is always ready: stop watching.
    Gone,
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

    /// What happened, after `poll` said that the watch is ready. Arms it again.
    pub fn take(&mut self) -> OomEvent {
        match &mut self.source {
            Source::Event { event, control } => {
                let raised = event.read().is_ok();
                match pread(&*control, &mut [0; 64], 0) {
                    Err(_) => OomEvent::Gone,
                    Ok(_) if raised => OomEvent::OutOfMemory,
                    Ok(_) => OomEvent::Nothing,
                }
            }
            Source::File { events, seen } => match times_out(events) {
                None => OomEvent::Gone,
                Some(now) if now > *seen => {
                    *seen = now;
                    OomEvent::OutOfMemory
                }
                Some(_) => OomEvent::Nothing,
            },
        }
    }

    /// Waits until memory is out and returns `true`, or until the group is gone or nothing has happened for `timeout`.
    ///
    /// # Errors
    /// [`CgroupError::Wait`].
    // ANCHOR: wait
    pub fn wait(&mut self, timeout: PollTimeout) -> Result<bool, CgroupError> {
        loop {
            match poll(&mut [PollFd::new(self.as_fd(), self.flags())], timeout) {
                Ok(0) => return Ok(false),
                Ok(_) => match self.take() {
                    OomEvent::OutOfMemory => return Ok(true),
                    OomEvent::Gone => return Ok(false),
                    OomEvent::Nothing => {}
                },
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(&self.group, errno)),
            }
        }
    }
    // ANCHOR_END: wait
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
