//! Packs the file that was rotated out last, a little with each write: nobody waits for it, and it is done long before the
//! next one is full.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::files::{Files, MODE};
use super::source::identity_of;

/// How many bytes are packed with each write at least.
const STEP: usize = 64 * 1024;
/// For each byte that is written this many are packed.
const FACTOR: usize = 4;
/// What is read at once.
const PORTION: usize = 8 * 1024;
/// gzip, deflate, with an extra field, made on no particular day, by the fastest algorithm, on Unix (RFC 1952).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 4, 3];

/// Packs one file after the other. Deflate's half a megabyte is asked for once: an allocator that is asked for it again and
/// again keeps the tenfold.
#[derive(Debug)]
pub(super) struct Packer {
    deflate: DeflateEncoder<Target>,
    job: Option<Job>,
}

/// One file.
#[derive(Debug)]
struct Job {
    plain: File,
    sum: Crc,
    from: PathBuf,
    scratch: PathBuf,
    to: PathBuf,
}

/// Where packed bytes go; nowhere in between.
#[derive(Debug)]
struct Target(Option<File>);

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Packer {
    pub(super) fn new() -> Self {
        Self { deflate: DeflateEncoder::new(Target(None), Compression::fast()), job: None }
    }

    /// Begins with the youngest old file, if it is not packed. What cannot be packed stays as it is.
    pub(super) fn start(&mut self, files: &Files) {
        let (from, scratch, to) = (files.path(1), files.packing(), files.packed(1));
        let Ok(plain) = File::open(&from) else { return };
        let mut begin = || {
            let mut target = File::options().write(true).create(true).truncate(true).mode(MODE).open(&scratch)?;
            let identity = identity_of(&plain.metadata()?);
            let length = u16::try_from(identity.len()).unwrap_or_default().to_le_bytes();
            target.write_all(&[&HEADER[..], &length, &identity].concat())?;
            self.deflate.reset(Target(Some(target)))
        };
        if begin().is_ok() {
            self.job = Some(Job { plain, sum: Crc::new(), from, scratch, to });
        }
    }

    /// Packs a portion, in proportion to what was written.
    pub(super) fn step(&mut self, written: usize) {
        let Some(job) = &mut self.job else { return };
        match job.step(&mut self.deflate, written.saturating_mul(FACTOR).max(STEP)) {
            Ok(false) => {}
            Ok(true) => self.job = None,
            Err(_) => self.give_up(),
        }
    }

    /// Leaves the file as it is. What could not be written would still be in the way of the next.
    pub(super) fn give_up(&mut self) {
        if let Some(job) = self.job.take() {
            *self = Self::new();
            let _ = fs::remove_file(&job.scratch);
        }
    }
}

impl Job {
    /// Whether it is done.
    fn step(&mut self, deflate: &mut DeflateEncoder<Target>, mut portion: usize) -> io::Result<bool> {
        let mut buffer = [0; PORTION];
        while portion > 0 {
            let length = self.plain.read(&mut buffer)?;
            if length == 0 {
                let target = deflate.reset(Target(None))?;
                self.finish(target)?;
                return Ok(true);
            }
            self.sum.update(&buffer[..length]);
            deflate.write_all(&buffer[..length])?;
            portion = portion.saturating_sub(length);
        }
        Ok(false)
    }

    fn finish(&self, mut target: Target) -> io::Result<()> {
        let trailer = [self.sum.sum().to_le_bytes(), self.sum.amount().to_le_bytes()].concat();
        target.write_all(&trailer)?;
        fs::rename(&self.scratch, &self.to)?;
        fs::remove_file(&self.from)
    }
}
