//! The end of a log that is written to. A full disk, a vanished directory or a broken device must not end a container: what
//! finds no room is counted, and the log says so as soon as there is some.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};

use jiff::Timestamp;
use process::relay::Stream;

use super::files::Files;
use super::pack::Packer;
use super::record;

/// The current file.
#[derive(Debug)]
struct Current {
    file: File,
    size: u64,
    /// Whether it ends within a record, which the next one must not continue.
    torn: bool,
}

/// What did not get into the log.
#[derive(Debug, Default)]
struct Lost {
    records: u64,
    bytes: u64,
    reason: String,
}

/// Files, one after the other.
#[derive(Debug)]
pub(super) struct Output {
    files: Files,
    max_size: u64,
    compress: bool,
    current: Option<Current>,
    lost: Lost,
    packer: Option<Packer>,
}

impl Output {
    pub(super) fn new(files: Files, max_size: Option<u64>, compress: bool) -> Self {
        let max_size = max_size.unwrap_or(u64::MAX);
        Self { files, max_size, compress, current: None, lost: Lost::default(), packer: None }
    }

    /// How many bytes should be written at most before the next look.
    pub(super) fn room(&self) -> u64 {
        let full = self.current.as_ref().map_or(0, |current| current.size);
        Some(self.max_size.saturating_sub(full)).filter(|room| *room > 0).unwrap_or(self.max_size)
    }

    /// Writes whole records.
    pub(super) fn write(&mut self, records: &[u8], now: Timestamp) {
        if let Err((written, error)) = self.try_write(records, now) {
            self.lost.add(&records[written..], &error);
        }
        if let Some(packer) = &mut self.packer {
            packer.step(records.len());
        }
    }

    /// `Err` has how many bytes got in nevertheless: whole records.
    fn try_write(&mut self, records: &[u8], now: Timestamp) -> Result<(), (usize, io::Error)> {
        self.prepare().map_err(|error| (0, error))?;
        let Some(current) = &mut self.current else { return Ok(()) };
        if self.lost.records > 0 {
            current.append(&self.lost.note(now)).map_err(|(_, error)| (0, error))?;
            self.lost = Lost::default();
        }
        current.append(records)
    }

    /// Sees to it that there is a file, and that it is not full.
    fn prepare(&mut self) -> io::Result<()> {
        if let Some(current) = &mut self.current {
            if current.size < self.max_size {
                return Ok(());
            }
            // Others empty logs, and remove them.
            let metadata = current.file.metadata()?;
            if metadata.nlink() > 0 {
                current.size = metadata.len();
                if current.size < self.max_size {
                    return Ok(());
                }
                self.rotate()?;
            }
            self.current = None;
        }
        let mut current = Current::new(self.files.open()?)?;
        if current.size >= self.max_size {
            self.rotate()?;
            current = Current::new(self.files.open()?)?;
        }
        if self.compress && self.files.path(1).exists() {
            self.packer.get_or_insert_with(Packer::new).start(&self.files);
        }
        self.current = Some(current);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        // It is done by now, unless somebody has changed the settings.
        if let Some(packer) = &mut self.packer {
            packer.step(usize::MAX);
        }
        self.files.rotate()
    }
}

impl Current {
    fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.read_exact_at(&mut last, size - 1)?;
        }
        Ok(Self { file, size, torn: last != *b"\n" })
    }

    /// As [`Output::try_write`].
    fn append(&mut self, records: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.torn {
            self.file.write_all(b"\n").map_err(|error| (0, error))?;
            self.size += 1;
            self.torn = false;
        }
        let mut written = 0;
        while written < records.len() {
            match self.file.write(&records[written..]) {
                Ok(0) => return Err((self.take_back(records, written), io::ErrorKind::WriteZero.into())),
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((self.take_back(records, written), error)),
            }
        }
        self.size += written as u64;
        Ok(())
    }

    /// After a write that ended within a record: the log ends behind the last whole one.
    fn take_back(&mut self, records: &[u8], written: usize) -> usize {
        let whole = memchr::memrchr(b'\n', &records[..written]).map_or(0, |at| at + 1);
        self.size += whole as u64;
        if whole < written {
            let partial = (written - whole) as u64;
            let shortened = self.file.metadata().and_then(|now| self.file.set_len(now.len().saturating_sub(partial)));
            self.torn = shortened.is_err();
        }
        whole
    }
}

impl Lost {
    fn add(&mut self, records: &[u8], reason: &io::Error) {
        self.records += memchr::memchr_iter(b'\n', records).count() as u64;
        self.bytes += records.len() as u64;
        self.reason = reason.to_string();
    }

    fn note(&self, now: Timestamp) -> Vec<u8> {
        let Self { records, bytes, reason } = self;
        let text = format!("mini-docker: {records} records of this log ({bytes} bytes) are lost: {reason}");
        let (mut note, mut ending) = (Vec::new(), Vec::new());
        record::ending(&mut ending, Stream::Stderr, &[], now);
        record::append(&mut note, text.as_bytes(), true, &ending);
        note
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(packer) = &mut self.packer {
            packer.give_up();
        }
    }
}
