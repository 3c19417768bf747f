//! The entries of a tar archive, one after the other, from a stream that cannot go back.
//!
//! The `tar` crate decodes the 512 bytes of a header; where one entry ends and the next begins is decided here, since
//! two readers that disagree on it see two different archives (CVE-2025-62518).

use std::io::{self, Read};

use tar::Header;

use crate::error::LayerError;
use crate::header::{Entry, Extension};
use crate::number::number;
use crate::pax;

const BLOCK: usize = 512;
/// As Go's archive/tar: no honest name or attribute is longer.
const LONGEST_EXTENSION: u64 = 1024 * 1024;

/// A tar archive being read.
pub(crate) struct Entries<R> {
    input: R,
    offset: u64,
    /// Bytes of the current entry's content not yet read, and of the padding after it.
    content: u64,
    padding: u64,
}

impl<R: Read> Entries<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, offset: 0, content: 0, padding: 0 }
    }

    /// The next entry; what is left of the last one's content is skipped. `None` at the end of the archive.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, LayerError> {
        let mut extension = Extension::default();
        loop {
            self.skip(self.content)?;
            self.skip(self.padding)?;
            (self.content, self.padding) = (0, 0);
            let at = self.offset;
            let Some(block) = self.block()? else { return Ok(None) };
            if block.iter().all(|&byte| byte == 0) {
                // One block of zeros ends an archive for some readers, two for others. What follows is only hashed.
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block);
            let broken = |reason| LayerError::Header { reason, offset: at };
            if !checksum_holds(&block) {
                return Err(broken("the checksum is wrong"));
            }
            let kind = header.entry_type().as_byte();
            if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
                let entry = Entry::new(header, extension, at)?;
                self.begin(entry.size);
                return Ok(Some(entry));
            }
            let size = number(&header.as_old().size).and_then(|size| u64::try_from(size).ok());
            self.begin(size.ok_or(broken("the size is no number"))?);
            let body = self.body(at)?;
            // `g` is for all entries to come. Docker reads it and takes nothing from it; so do we.
            let read = if kind == b'g' { pax::well_formed(&body) } else { extension.add(kind, &body) };
            read.ok_or(broken("the extension is malformed"))?;
        }
    }

    /// Reads to the end of the stream, which is the end of what is hashed.
    pub(crate) fn drain(&mut self) -> Result<(), LayerError> {
        io::copy(&mut self.input, &mut io::sink()).map(drop).map_err(LayerError::Read)
    }

    /// The stream, as far as it was read.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    fn begin(&mut self, size: u64) {
        self.content = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn body(&mut self, at: u64) -> Result<Vec<u8>, LayerError> {
        if self.content > LONGEST_EXTENSION {
            return Err(LayerError::Header { reason: "an extension of more than 1 MiB", offset: at });
        }
        let mut body = Vec::new();
        self.read_to_end(&mut body).map_err(LayerError::Read)?;
        Ok(body)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, LayerError> {
        let mut block = [0; BLOCK];
        let mut length = 0;
        while length < BLOCK {
            match self.input.read(&mut block[length..]) {
                // An archive without its last zeros is taken by everybody.
                Ok(0) if length == 0 => return Ok(None),
                Ok(0) => return Err(LayerError::Read(cut_off())),
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerError::Read(error)),
            }
        }
        self.offset += BLOCK as u64;
        Ok(Some(block))
    }

    fn skip(&mut self, length: u64) -> Result<(), LayerError> {
        let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink()).map_err(LayerError::Read)?;
        self.offset += skipped;
        if skipped == length { Ok(()) } else { Err(LayerError::Read(cut_off())) }
    }
}

/// The content of the current entry. Its early end is an error, not an end.
impl<R: Read> Read for Entries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.content).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let length = self.input.read(&mut buffer[..wanted])?;
        if length == 0 {
            return Err(cut_off());
        }
        self.offset += length as u64;
        self.content -= length as u64;
        Ok(length)
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of an entry")
}

fn checksum_holds(block: &[u8; BLOCK]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let bytes = || block.iter().enumerate().map(|(at, &byte)| if FIELD.contains(&at) { b' ' } else { byte });
    let sum: i64 = bytes().map(i64::from).sum();
    // On some machines of old, bytes had signs.
    let signed = || bytes().map(|byte| i64::from(byte.cast_signed())).sum::<i64>();
    number(&block[FIELD]).is_some_and(|said| said == sum || said == signed())
}
