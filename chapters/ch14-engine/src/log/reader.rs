//! Who reads a container's log: `logs`, and `logs -f`.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use layers::DiskError;
use process::{Diagnose, FailureKind, inner};
use thiserror::Error;

use super::chain::{self, Link};
use super::config::LogConfig;
use super::decode::{Record, Wanted};
use super::files::Files;
use super::printer::{Printer, Sinks};
use super::query::LogQuery;
use super::scanner::Scanner;
use super::source::Source;
use super::watch::{Event, Watch};

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub enum LogReadError {
    /// There is none.
    #[error("configured logging driver does not support reading")]
    NotKept,
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Whoever reads what we print does not.
    #[error("write the log: {0}")]
    Sink(io::Error),
}

impl Diagnose for LogReadError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        inner!(self, Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::NotKept => Some(FailureKind::Unsupported),
            Self::Sink(_) => Some(FailureKind::Caller),
            Self::Disk(_) => None,
        }
    }
}

/// Reads one container's log.
#[derive(Debug)]
pub struct LogReader {
    files: Files,
    path: PathBuf,
    query: LogQuery,
    wanted: Wanted,
    record: Record,
    printer: Printer,
    damaged: u64,
    /// Something was later than what is asked for.
    over: bool,
}

impl LogReader {
    /// The log of container `id`, whose directory is `directory`. No file is touched yet.
    ///
    /// # Errors
    /// [`LogReadError::NotKept`].
    pub fn open(directory: &Path, id: &str, config: &LogConfig, query: LogQuery) -> Result<Self, LogReadError> {
        let files = config.files(directory, id).ok_or(LogReadError::NotKept)?;
        let wanted = Wanted { time: query.needs_time(), attributes: query.details };
        let (record, printer) = (Record::default(), Printer::new());
        Ok(Self { path: files.path(0), files, query, wanted, record, printer, damaged: 0, over: false })
    }

    /// Prints what there is now.
    ///
    /// # Errors
    /// [`LogReadError`].
    pub fn print(&mut self, sinks: &mut Sinks<'_>) -> Result<(), LogReadError> {
        let scanners = self.disk("open", chain::lines(&self.files, self.query.tail, false))?;
        let last = self.all(scanners, sinks)?;
        // The end of the current file may be on its way: it is no damage.
        drop(last);
        self.printer.flush(sinks).map_err(LogReadError::Sink)
    }

    /// Prints what there is, and what comes, until `ended` is readable: the container has ended, and its log is complete.
    ///
    /// # Errors
    /// [`LogReadError`].
    pub fn follow(&mut self, ended: BorrowedFd<'_>, sinks: &mut Sinks<'_>) -> Result<(), LogReadError> {
        // Before the first look, so that nothing is written unnoticed in between.
        let mut watch = self.disk("watch", Watch::new(&self.files))?;
        let scanners = self.disk("open", chain::lines(&self.files, self.query.tail, true))?;
        let mut link = self.disk("read", Link::new(&self.files))?;
        let mut current = self.all(scanners, sinks)?;
        let mut event = Event::Written;
        loop {
            self.catch_up(&mut current, &mut link, sinks)?;
            self.printer.flush(sinks).map_err(LogReadError::Sink)?;
            if self.over || event != Event::Written {
                self.damaged += u64::from(current.is_some_and(|mut current| current.give_up()));
                return Ok(());
            }
            event = self.disk("watch", watch.wait(ended, self.query.until))?;
        }
    }

    /// How many records could not be read, and were left out.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Prints all that is written by now, whatever file it is in.
    fn catch_up(
        &mut self,
        current: &mut Option<Scanner<Source>>,
        link: &mut Link,
        sinks: &mut Sinks<'_>,
    ) -> Result<(), LogReadError> {
        while !self.over {
            let next = match current {
                None => self.disk("open", chain::lines(&self.files, None, true))?,
                Some(scanner) => {
                    if self.disk("read", scanner.source_mut().notice_emptied())? {
                        scanner.give_up();
                    }
                    let is_current = self.disk("read", chain::is_current(&self.files, scanner.source()))?;
                    // After the look: what was rotated out is complete.
                    self.one(scanner, sinks)?;
                    if is_current {
                        return Ok(());
                    }
                    self.disk("open", link.next(&self.files, scanner.source()))?
                }
            };
            // In the middle of a rotation, or nothing was written yet.
            if next.is_empty() {
                return Ok(());
            }
            self.damaged += u64::from(current.take().is_some_and(|mut read| read.give_up()));
            *link = self.disk("read", Link::new(&self.files))?;
            *current = self.all(next, sinks)?;
        }
        Ok(())
    }

    /// Prints what is in these; returns the last.
    fn all(
        &mut self,
        scanners: Vec<Scanner<Source>>,
        sinks: &mut Sinks<'_>,
    ) -> Result<Option<Scanner<Source>>, LogReadError> {
        let mut last: Option<Scanner<Source>> = None;
        for mut scanner in scanners {
            // Nothing comes behind half a record of an old file.
            self.damaged += u64::from(last.take().is_some_and(|mut last| last.give_up()));
            self.one(&mut scanner, sinks)?;
            if self.over {
                break;
            }
            last = Some(scanner);
        }
        Ok(last)
    }

    fn one(&mut self, scanner: &mut Scanner<Source>, sinks: &mut Sinks<'_>) -> Result<(), LogReadError> {
        while let Some(line) = scanner.line().map_err(DiskError::at("read", &self.path))? {
            if line.is_empty() {
                continue;
            }
            if self.record.read(line, self.wanted).is_none() {
                self.damaged += 1;
                continue;
            }
            let time = self.record.time;
            if self.query.until.is_some_and(|until| time > until) {
                self.over = true;
                return Ok(());
            }
            if self.query.wants(self.record.stream) && self.query.since.is_none_or(|since| time >= since) {
                self.printer.print(&self.record, &self.query, sinks).map_err(LogReadError::Sink)?;
            }
        }
        self.damaged += std::mem::take(&mut scanner.skipped);
        Ok(())
    }

    fn disk<T>(&self, action: &'static str, result: io::Result<T>) -> Result<T, LogReadError> {
        Ok(result.map_err(DiskError::at(action, &self.path))?)
    }
}

#[cfg(test)]
mod tests;
