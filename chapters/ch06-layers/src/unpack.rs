//! From an archive to files: one pass over the stream, hashing, counting and checking on the way.

use std::io::Read;
use std::path::Path;

use crate::digest::DiffId;
use crate::entries::Entries;
use crate::error::LayerError;
use crate::extract::Extractor;
use crate::hashing::Hashing;
use crate::name::{Meaning, meaning};

const GIB: u64 = 1 << 30;

/// What a layer may cost us. A few kilobytes of gzip can hold gigabytes of zeros, and one long name thousands of
/// directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Entries, and what they bring along: directories that are made on the way to them, steps through links.
    pub entries: u64,
    /// Bytes of memory for what has to be remembered to the end: the directories, whose times are set last.
    pub kept: u64,
    /// Bytes of the uncompressed archive.
    pub bytes: u64,
}

impl Default for UnpackLimits {
    /// More than the largest images that are in use (some hundred thousand files, some ten GiB), and a small disk's worth.
    fn default() -> Self {
        Self { entries: 4_000_000, kept: GIB / 4, bytes: 64 * GIB }
    }
}

/// What came out of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// sha256 of the archive.
    pub diff_id: DiffId,
    /// Bytes of all regular files.
    pub size: u64,
    /// Entries, deletions too.
    pub entries: u64,
}

/// Unpacks the uncompressed archive `input` into the directory `destination`, as a layer for overlayfs: deletions become
/// whiteouts. Nothing outside the directory is touched, whatever the archive says; after an error, what is inside is
/// incomplete. The directory itself gets mode 755, as with docker. Needs privileges over the owners that the archive names.
///
/// # Errors
/// [`LayerError`].
pub fn apply_tar(input: impl Read, destination: &Path, limits: &UnpackLimits) -> Result<Applied, LayerError> {
    // One byte more, to tell a stream that just fits from one that does not.
    let mut hashing = Hashing::new(input);
    let mut limited = hashing.by_ref().take(limits.bytes.saturating_add(1));
    let unpacked = unpack(&mut limited, destination, limits);
    if limited.limit() == 0 {
        return Err(LayerError::TooLarge(limits.bytes));
    }
    let (size, entries) = unpacked?;
    Ok(Applied { diff_id: hashing.finish(), size, entries })
}

fn unpack(input: impl Read, destination: &Path, limits: &UnpackLimits) -> Result<(u64, u64), LayerError> {
    let mut archive = Entries::new(input);
    let mut extractor = Extractor::new(destination)?;
    let (mut size, mut entries) = (0, 0);
    while let Some(entry) = archive.next()? {
        entries += 1;
        match meaning(entry.path.clone())? {
            Meaning::Nothing => {}
            Meaning::Whiteout(path) => extractor.whiteout(&path)?,
            Meaning::Opaque(path) => extractor.opaque(&path)?,
            Meaning::File => {
                extractor.make(&entry, &mut archive)?;
                size += entry.size;
            }
        }
        if entries + extractor.implied > limits.entries {
            return Err(LayerError::TooManyEntries(limits.entries));
        }
        if extractor.times.bytes() > limits.kept {
            return Err(LayerError::TooMuchToKeep(limits.kept));
        }
    }
    archive.drain()?;
    extractor.finish()?;
    Ok((size, entries))
}
