//! Who reads a container's log: `logs`, and `logs -f`.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use layers::DiskError;
use process::{Diagnose, FailureKind, inner};
use thiserror::Error;

use super::chain::{Chain, Growth};
use super::config::LogConfig;
use super::decode::{Record, Wanted};
use super::files::Files;
use super::printer::{Printer, Sinks};
use super::query::LogQuery;
use super::watch::{Watch, Woken};

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
        let mut chain = self.disk("open", Chain::open(&self.files, self.query.tail, Growth::Ignored))?;
        self.print_all(&mut chain, sinks)?;
        // The end of the current file may be on its way: it is no damage.
        self.damaged += chain.damaged();
        Ok(())
    }

    /// Prints what there is, and what comes, until `ended` is readable: the container has ended, and its log is complete.
    ///
    /// # Errors
    /// [`LogReadError`].
    pub fn follow(&mut self, ended: BorrowedFd<'_>, sinks: &mut Sinks<'_>) -> Result<(), LogReadError> {
        // Before the first look, so that nothing is written unnoticed in between.
        let mut watch = self.disk("watch", Watch::new(&self.files))?;
        let mut chain = self.disk("open", Chain::open(&self.files, self.query.tail, Growth::OneWriter))?;
        let mut woken = Woken::Written;
        loop {
            self.print_all(&mut chain, sinks)?;
            if self.over || woken != Woken::Written {
                chain.end();
                self.damaged += chain.damaged();
                return Ok(());
            }
            woken = self.disk("watch", watch.wait(Some(ended), self.query.until))?;
        }
    }

    /// How many records could not be read, and were left out.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Prints all that is written by now.
    fn print_all(&mut self, chain: &mut Chain, sinks: &mut Sinks<'_>) -> Result<(), LogReadError> {
        while let Some(line) = chain.line().map_err(DiskError::at("read", &self.path))? {
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
                break;
            }
            if self.query.wants(self.record.stream) && self.query.since.is_none_or(|since| time >= since) {
                self.printer.print(&self.record, &self.query, sinks).map_err(LogReadError::Sink)?;
            }
        }
        self.printer.flush(sinks).map_err(LogReadError::Sink)
    }

    fn disk<T>(&self, action: &'static str, result: io::Result<T>) -> Result<T, LogReadError> {
        Ok(result.map_err(DiskError::at(action, &self.path))?)
    }
}

#[cfg(test)]
mod tests;
