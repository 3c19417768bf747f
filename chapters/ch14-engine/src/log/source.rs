//! One file of a log, plain or packed.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

use flate2::read::MultiGzDecoder;

use super::files::Files;
use super::scanner::Scanner;
use super::tail::tail;

/// A file that is read from `at` to `end`; others may read it elsewhere.
#[derive(Debug)]
pub(super) struct Place {
    file: File,
    at: u64,
    end: u64,
}

impl Place {
    fn whole(file: File) -> Self {
        Self { file, at: 0, end: u64::MAX }
    }
}

impl Read for Place {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let length = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// A file of a log.
#[derive(Debug)]
pub(super) enum Source {
    /// As it was written.
    Plain(Place),
    /// With gzip.
    Packed(Box<MultiGzDecoder<Place>>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(place) => place.read(buffer),
            // It was whole when it was packed: whatever is wrong with it is its end.
            Self::Packed(packed) => Ok(packed.read(buffer).unwrap_or_default()),
        }
    }
}

impl Source {
    /// The file of that age; `None` if there is none.
    pub(super) fn open(files: &Files, age: u32) -> io::Result<Option<Self>> {
        if let Some(file) = if_there(File::open(files.path(age)))? {
            return Ok(Some(Self::Plain(Place::whole(file))));
        }
        let packed = if age == 0 { None } else { if_there(File::open(files.packed(age)))? };
        Ok(packed.map(Self::unpack))
    }

    fn unpack(file: File) -> Self {
        Self::Packed(Box::new(MultiGzDecoder::new(Place::whole(file))))
    }

    /// Its lines; if some are `wanted`, only the last ones. The second is how many of those are not in here.
    pub(super) fn lines(mut self, wanted: Option<u64>) -> io::Result<(Scanner<Self>, u64)> {
        let Some(wanted) = wanted else { return Ok((Scanner::new(self), 0)) };
        match &mut self {
            Self::Plain(place) => {
                let length = place.file.metadata()?.len().min(place.end);
                let (start, missing) = tail(&place.file, length, wanted)?;
                place.at = start;
                Ok((Scanner::new(self), missing))
            }
            Self::Packed(packed) => {
                // Counted first, skipped then: unpacked it may be larger than the memory.
                let again = Self::unpack(packed.get_ref().file.try_clone()?);
                let (mut counting, mut skipping) = (Scanner::new(self), Scanner::new(again));
                let mut lines = 0;
                while counting.find()? {
                    lines += 1;
                }
                for _ in wanted..lines {
                    skipping.find()?;
                }
                Ok((skipping, wanted.saturating_sub(lines)))
            }
        }
    }

    /// As it is now: what is written later is not read.
    pub(super) fn limit(&mut self) -> io::Result<()> {
        if let Self::Plain(place) = self {
            place.end = place.file.metadata()?.len();
        }
        Ok(())
    }

    /// Goes back to the beginning of a file that somebody has emptied. Whether somebody has.
    pub(super) fn notice_emptied(&mut self) -> io::Result<bool> {
        let Self::Plain(place) = self else { return Ok(false) };
        let emptied = place.file.metadata()?.len() < place.at;
        if emptied {
            place.at = 0;
        }
        Ok(emptied)
    }

    /// What the kernel says about it.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(place) => place.file.metadata(),
            Self::Packed(packed) => packed.get_ref().file.metadata(),
        }
    }

    /// Whether this is the file that `other` was before it was rotated, and perhaps packed.
    pub(super) fn was(&self, other: &Self) -> io::Result<bool> {
        if let (Self::Packed(packed), Self::Plain(plain)) = (self, other) {
            let mut again = MultiGzDecoder::new(Place::whole(packed.get_ref().file.try_clone()?));
            let _ = again.read(&mut [0]);
            let identity = again.header().and_then(|header| header.extra());
            return Ok(identity == Some(&identity_of(&plain.file.metadata()?)));
        }
        Ok(is_same(&self.metadata()?, &other.metadata()?))
    }
}

/// What a packed file has in its header, to be known as the plain one that a reader has open: a subfield `MD` of sixteen
/// bytes, device and inode.
pub(super) fn identity_of(plain: &Metadata) -> [u8; 20] {
    let mut identity = *b"MD\x10\0................";
    identity[4..12].copy_from_slice(&plain.dev().to_le_bytes());
    identity[12..].copy_from_slice(&plain.ino().to_le_bytes());
    identity
}

/// Whether both are the same file.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// `None` for what is not there.
pub(super) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
