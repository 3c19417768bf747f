//! The file of events: appended to by any number of processes, read by any number of others.
//!
//! One event is one line, several that belong together are one write. To append is all that a command waits for: nothing is
//! synced, nothing is locked, and what cannot be written is not worth an error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use layers::{DataRoot, DiskError};
use memchr::memmem;
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
        let mut lines = Vec::with_capacity(512 * events.len());
        for event in events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(self.files.path(0))?;
        // Not `write_all`: what comes behind a part would come behind somebody else's line.
        let written = file.write(&lines)?;
        // Where it ends now: so it is when one appends.
        if file.stream_position()? >= self.largest {
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
                let Some(event) = read(line) else { continue };
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

/// Reads a line. Where a disk was full there is half of one, and the next event behind it: no quote within a text looks like
/// the beginning of an event, for it would be escaped.
fn read(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok().or_else(|| {
        let begin = [&b"{\"status\":\""[..], b"{\"Type\":\""]
            .into_iter()
            .filter_map(|begin| memmem::rfind(line, begin))
            .max()?;
        serde_json::from_slice(&line[begin..]).ok()
    })
}

#[cfg(test)]
mod tests;
