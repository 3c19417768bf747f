//! The file of events: appended to by any number of processes, read by any number of others.
//!
//! One event is one line, several that belong together are one write. To append is all that a command waits for: nothing is
//! synced, nothing is locked, and what cannot be written is not worth an error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use layers::{DataRoot, DiskError};
use process::step;

use super::event::Event;
use super::query::{EventError, EventQuery};
use crate::log::chain::{Chain, Growth};
use crate::log::files::Files;
use crate::log::watch::{Watch, Woken};

/// Where one file ends and the next begins: some ten thousand events.
const LARGEST: u64 = 4 << 20;
/// The current one, and the one before.
const FILES: u32 = 2;

/// Docker's events.
#[derive(Debug, Clone)]
pub struct Journal {
    files: Files,
    largest: u64,
}

impl Journal {
    /// That of a data root.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(root: &DataRoot) -> Result<Self, DiskError> {
        Ok(Self::at(&root.directory("events")?, LARGEST))
    }

    fn at(directory: &Path, largest: u64) -> Self {
        Self { files: Files::new(directory.join("events.jsonl"), FILES), largest }
    }

    /// Appends what has happened, in one write. A full disk does not undo it, so there is no error.
    pub fn record(&self, events: &[Event]) {
        if let Err(error) = self.append(events) {
            step!(14, "an event is not recorded: {error}");
        }
    }

    fn append(&self, events: &[Event]) -> io::Result<()> {
        // The first byte is for the end of what somebody else could not write to its end.
        let mut lines = vec![b'\n'];
        for event in events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(self.files.path(0))?;
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.read_exact_at(&mut last, size - 1)?;
        }
        let lines = if last == *b"\n" { &lines[1..] } else { &lines };
        // Not `write_all`: what comes behind a part would come behind somebody else's line.
        let written = file.write(lines)?;
        if size + written as u64 >= self.largest {
            self.rotate(&file)?;
        }
        if written < lines.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    /// Several may find it full; the first renames it, and the others see that it is not the current one any more.
    fn rotate(&self, full: &File) -> io::Result<()> {
        match full.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(()),
            other => other?,
        }
        let (full, current) = (full.metadata()?, self.files.path(0).metadata()?);
        if (full.dev(), full.ino()) == (current.dev(), current.ino()) { self.files.rotate() } else { Ok(()) }
    }

    /// Tells the events that are asked for to `tell`, in the order in which they were recorded, and waits for more as long
    /// as the query has it, or until `ended` is readable.
    ///
    /// # Errors
    /// [`EventError`]; what `tell` returns is one of the kind `Sink`.
    pub fn listen(
        &self,
        query: &EventQuery,
        ended: Option<BorrowedFd<'_>>,
        mut tell: impl FnMut(&Event) -> io::Result<()>,
    ) -> Result<(), EventError> {
        query.check()?;
        let failed = |action| move |error| DiskError::at(action, self.files.path(0))(error);
        let mut watch = Watch::new(&self.files).map_err(failed("watch"))?;
        let history = if query.wants_history() { None } else { Some(0) };
        let mut chain = Chain::open(&self.files, history, Growth::SeveralWriters).map_err(failed("open"))?;
        let mut woken = Woken::Written;
        loop {
            while let Some(line) = chain.line().map_err(failed("read"))? {
                // Half a line, where a disk was full.
                let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
                if query.until.is_some_and(|until| event.moment() > until) {
                    continue;
                }
                if query.wants(&event) {
                    tell(&event).map_err(EventError::Sink)?;
                }
            }
            if woken != Woken::Written {
                return Ok(());
            }
            woken = watch.wait(ended, query.until).map_err(failed("watch"))?;
        }
    }
}

#[cfg(test)]
mod tests;
