//! Packs the file that was rotated out last, a little with each write: nobody waits for it, and it is done long before the
//! next one is full.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::files::Files;
use super::source::identity_of;

/// How many bytes are packed with each write at least.
const STEP: usize = 64 * 1024;
/// For each byte that is written this many are packed.
const FACTOR: usize = 4;

/// A file that is being packed.
#[derive(Debug)]
pub(super) struct Packer {
    plain: File,
    packed: GzEncoder<File>,
    from: PathBuf,
    scratch: PathBuf,
    to: PathBuf,
}

impl Packer {
    /// Begins with the youngest old file, if it is not packed; `None` if there is nothing to do or it cannot be done.
    pub(super) fn start(files: &Files) -> Option<Self> {
        let (from, scratch, to) = (files.path(1), files.packing(), files.packed(1));
        let plain = File::open(&from).ok()?;
        let identity = identity_of(&plain.metadata().ok()?);
        let packed = GzBuilder::new().extra(identity).write(File::create(&scratch).ok()?, Compression::fast());
        Some(Self { plain, packed, from, scratch, to })
    }

    /// Packs a portion; `true` if there is nothing more to do. What cannot be packed stays as it is.
    pub(super) fn step(&mut self, written: usize) -> bool {
        let portion = written.saturating_mul(FACTOR).max(STEP) as u64;
        match io::copy(&mut (&self.plain).take(portion), &mut self.packed) {
            Ok(copied) if copied == portion => false,
            Ok(_) => {
                let done = self.packed.try_finish().and_then(|()| fs::rename(&self.scratch, &self.to));
                if done.and_then(|()| fs::remove_file(&self.from)).is_err() {
                    let _ = fs::remove_file(&self.scratch);
                }
                true
            }
            Err(_) => {
                let _ = fs::remove_file(&self.scratch);
                true
            }
        }
    }

    /// Leaves it as it is.
    pub(super) fn give_up(self) {
        let _ = fs::remove_file(&self.scratch);
    }
}
