//! Where what a reader does not take waits, when it has stopped reading and the program goes on: a file without a name. What
//! the disk has no room for stays in memory, and the program then has to wait after all.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So much may wait there, in bytes.
const ROOM: u64 = 1 << 30;
/// What is read back at once.
const PORTION: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    room: u64,
    read: u64,
    written: u64,
    /// What came last, and found no room.
    rest: Vec<u8>,
}

impl Spill {
    /// On the file system of `directory`.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(directory)?, room: ROOM, read: 0, written: 0, rest: Vec::new() })
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.rest.is_empty() && self.written + length <= self.room {
            // Half a write is none: the next one goes to the same place.
            if self.file.write_all_at(bytes, self.written).is_ok() {
                self.written += length;
                return;
            }
        }
        self.rest.extend_from_slice(bytes);
    }

    /// Whether nothing more should come.
    pub(super) fn is_full(&self) -> bool {
        !self.rest.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.written - self.read).unwrap_or(usize::MAX).saturating_add(self.rest.len())
    }

    /// What comes next; nothing, when that was all.
    ///
    /// # Errors
    /// Of the disk: then the rest is lost, and must not look like the end.
    pub(super) fn take(&mut self) -> io::Result<Vec<u8>> {
        let length = (self.written - self.read).min(PORTION);
        if length == 0 {
            self.file.set_len(0)?;
            (self.read, self.written) = (0, 0);
            return Ok(std::mem::take(&mut self.rest));
        }
        let mut portion = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact_at(&mut portion, self.read)?;
        self.read += length;
        Ok(portion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spilled_comes_back_in_order_also_what_found_no_room() {
        let here = tempfile::tempdir().expect("a directory");
        let mut spill = Spill::new(here.path()).expect("a file");
        spill.room = 250_000;
        let sent: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for round in 0..2 {
            sent.chunks(7001).for_each(|portion| spill.push(portion));
            assert!(spill.is_full() && spill.len() == sent.len(), "round {round}");
            let mut seen = Vec::new();
            loop {
                let portion = spill.take().expect("what was written");
                if portion.is_empty() {
                    break;
                }
                seen.extend(portion);
            }
            assert!(seen == sent && !spill.is_full() && spill.len() == 0, "round {round}");
        }
        assert_eq!(std::fs::read_dir(here.path()).expect("a directory").count(), 0, "it has no name");
    }
}
