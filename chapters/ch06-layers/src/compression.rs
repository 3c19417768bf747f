//! Whether a stream is compressed, and how: its first bytes say it. Media types lie, or are missing.

use std::io::{self, BufReader, Chain, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use crate::error::LayerError;
use crate::xz::Xz;
use crate::zstd::Zstd;

const BUFFER: usize = 64 * 1024;
const LONGEST_MAGIC: u64 = 6;

/// The uncompressed stream, by what its first bytes say: gzip, bzip2, xz, zstd, or none of them.
///
/// # Errors
/// [`LayerError::Read`].
pub fn decompressed<R: Read>(input: R) -> Result<impl Read + use<R>, LayerError> {
    Plain::new(input)
}

/// A stream whose beginning has been looked at.
type Peeked<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The uncompressed stream. Files of all four kinds may be put one after another (pigz, pbzip2 and estargz do it): all
/// parts are read.
pub(crate) enum Plain<R: Read> {
    AsIs(Peeked<R>),
    Gzip(Box<MultiGzDecoder<Peeked<R>>>),
    Bzip2(Box<MultiBzDecoder<Peeked<R>>>),
    Xz(Box<Xz<Peeked<R>>>),
    Zstd(Box<Zstd<Peeked<R>>>),
}

impl<R: Read> Plain<R> {
    pub(crate) fn new(mut input: R) -> Result<Self, LayerError> {
        // A pipe may give less than a whole signature at once.
        let mut start = Vec::new();
        input.by_ref().take(LONGEST_MAGIC).read_to_end(&mut start).map_err(LayerError::Read)?;
        let peeked = |start| BufReader::with_capacity(BUFFER, Cursor::new(start).chain(input));
        Ok(match start.as_slice() {
            [0x1f, 0x8b, ..] => Self::Gzip(Box::new(MultiGzDecoder::new(peeked(start)))),
            [b'B', b'Z', b'h', ..] => Self::Bzip2(Box::new(MultiBzDecoder::new(peeked(start)))),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Self::Xz(Box::new(Xz::new(peeked(start)))),
            // The second is the magic of a frame to be skipped: some writers begin with a note to themselves.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Self::Zstd(Box::new(Zstd::new(peeked(start))))
            }
            _ => Self::AsIs(peeked(start)),
        })
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::AsIs(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
            Self::Bzip2(input) => input.read(buffer),
            Self::Xz(input) => input.read(buffer),
            Self::Zstd(input) => input.read(buffer),
        }
    }
}
