//! Waits for a log to grow, without looking again and again: inotify(7) on the directory that it is in, because the file is
//! another one after each rotation.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::files::Files;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something in the directory.
    Written,
    /// Nothing more will be written.
    Ended,
    /// What will be written is later than what is asked for.
    TooLate,
}

/// An inotify instance.
#[derive(Debug)]
pub(crate) struct Watch {
    inotify: OwnedFd,
    /// A directory that is not there yet.
    missing: Option<PathBuf>,
}

impl Watch {
    pub(crate) fn new(files: &Files) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let directory = files.directory();
        let mut watch = Self { inotify, missing: None };
        match watch.add(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It is made with the first line. Looked for once more, because it may have been made meanwhile.
                watch.add(directory.parent().unwrap_or(directory))?;
                watch.missing = Some(directory.into());
                watch.add_missing();
            }
            other => other?,
        }
        Ok(watch)
    }

    fn add(&self, directory: &Path) -> io::Result<()> {
        let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        inotify::add_watch(&self.inotify, directory, changes)?;
        Ok(())
    }

    fn add_missing(&mut self) {
        if self.missing.as_deref().is_some_and(|directory| self.add(directory).is_ok()) {
            self.missing = None;
        }
    }

    /// Waits for something to be written, or for `ended` to be readable, no longer than until `until`.
    pub(crate) fn wait(&mut self, ended: Option<BorrowedFd<'_>>, until: Option<Timestamp>) -> io::Result<Woken> {
        let patience = match until.map(|until| Duration::try_from(until.duration_since(Timestamp::now()))) {
            None => PollTimeout::NONE,
            Some(Err(_)) => return Ok(Woken::TooLate),
            // Rounded up: a moment too early would be one more turn for nothing.
            Some(Ok(left)) => PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX),
        };
        let mut interests = vec![PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
        interests.extend(ended.map(|ended| PollFd::new(ended, PollFlags::POLLIN)));
        match poll(&mut interests, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if interests.get(1).is_some_and(|ended| ended.any() == Some(true)) {
            return Ok(Woken::Ended);
        }
        // What exactly has happened does not matter: all is read that is there.
        while rustix::io::read(&self.inotify, &mut [0; 4096]).is_ok_and(|length| length > 0) {}
        self.add_missing();
        Ok(Woken::Written)
    }
}
