//! Decompressing xz: streams one after another, with zeros between them, in bounded memory.

use std::io::{self, BufRead, Read};

use xz4rust::{DICT_SIZE_MIN, XzDecoder, XzError, XzNextBlockResult};

use crate::window::{WINDOW, damaged, too_large};

/// A reader of what is in a `.xz` file.
pub(crate) struct Xz<R> {
    input: R,
    decoder: Box<XzDecoder<'static>>,
    /// Between two streams.
    between: bool,
}

impl<R: BufRead> Xz<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, decoder: XzDecoder::in_heap_with_alloc_dict_size(DICT_SIZE_MIN, WINDOW), between: false }
    }

    /// Whether another stream follows. Zeros before it are padding.
    fn begin_another(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.input.fill_buf()?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            match (bytes.len(), zeros) {
                (0, _) => return Ok(false),
                (all, zeros) if zeros < all => {
                    self.input.consume(zeros);
                    self.decoder.reset();
                    return Ok(true);
                }
                (all, _) => self.input.consume(all),
            }
        }
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if self.between && !self.begin_another()? {
                return Ok(0);
            }
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "xz: it ends in the middle of a stream"));
            }
            let done = self.decoder.decode(input, buffer).map_err(|error| match error {
                XzError::DictionaryTooLarge(size) => too_large("xz", size),
                // The one that means 4 GiB.
                XzError::UnsupportedLzmaProperties(40) => too_large("xz", 1 << 32),
                other => damaged("xz", other),
            })?;
            self.input.consume(done.input_consumed());
            self.between = matches!(done, XzNextBlockResult::EndOfStream(..));
            if done.output_produced() > 0 {
                return Ok(done.output_produced());
            }
        }
        Ok(0)
    }
}
