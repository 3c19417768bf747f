//! Whether a stream is compressed, and how: its first bytes say it. Media types lie, or are missing.

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::LayerError;

const KNOWN: [(&[u8], &str); 3] =
    [(&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"), (b"BZh", "bzip2")];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 64 * 1024;

const LONGEST_MAGIC: u64 = 6;

/// A stream whose beginning has been looked at.
type Peeked<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The uncompressed stream.
pub(crate) enum Plain<R: Read> {
    AsIs(Peeked<R>),
    /// gzip files may be put one after another (pigz and estargz do it): all members are read.
    Gzip(Box<MultiGzDecoder<Peeked<R>>>),
}

impl<R: Read> Plain<R> {
    pub(crate) fn new(mut input: R) -> Result<Self, LayerError> {
        // A pipe may give less than a whole signature at once.
        let mut start = Vec::new();
        input.by_ref().take(LONGEST_MAGIC).read_to_end(&mut start).map_err(LayerError::Read)?;
        if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Err(LayerError::Compression(name));
        }
        let gzip = start.starts_with(&GZIP);
        let input = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(input));
        Ok(if gzip { Self::Gzip(Box::new(MultiGzDecoder::new(input))) } else { Self::AsIs(input) })
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::AsIs(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
        }
    }
}
