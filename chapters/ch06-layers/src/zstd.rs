//! Decompressing zstd: frames one after another, some of them to be skipped, in bounded memory.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::window::{WINDOW, damaged, too_large};

/// A reader of what is in a `.zst` file.
pub(crate) struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    /// Between two frames.
    between: bool,
}

impl<R: BufRead> Zstd<R> {
    pub(crate) fn new(input: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW as u64);
        Self { input, decoder, between: true }
    }

    /// Reads the header of the next frame. Frames for other programs are skipped, as zstd:chunked has them.
    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.input) {
            Ok(()) => self.between = false,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut self.input.by_ref().take(length.into()), &mut io::sink())?;
                if skipped < length.into() {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "zstd: it ends in the middle of a frame"));
                }
            }
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => return Err(too_large("zstd", requested)),
            Err(error) => return Err(damaged("zstd", error)),
        }
        Ok(())
    }

    /// The frame has been read to its end.
    fn end(&mut self) -> io::Result<()> {
        let said = self.decoder.get_checksum_from_data();
        if said.is_some() && said != self.decoder.get_calculated_checksum() {
            return Err(damaged("zstd", "the checksum is wrong"));
        }
        self.between = true;
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if self.between {
                if self.input.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            } else if self.decoder.is_finished() {
                self.end()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.input, one).map_err(|error| damaged("zstd", error))?;
            }
        }
        Ok(0)
    }
}
