//! Lines out of a file that may be growing, and may be damaged: no line is too long for the memory, and an end without a
//! newline is waited for.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

const PORTION: usize = 64 * 1024;
/// Six bytes for each that a record has at most, and as many attributes: what is longer is no record.
const LONGEST: usize = 1 << 20;

/// Reads lines.
#[derive(Debug)]
pub(super) struct Scanner<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    line: Range<usize>,
    /// Within a line that is too long.
    skipping: bool,
    /// How many lines were too long.
    pub(super) skipped: u64,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), start: 0, end: 0, line: 0..0, skipping: false, skipped: 0 }
    }

    pub(super) fn source(&self) -> &R {
        &self.source
    }

    pub(super) fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Looks for the next whole line; `false` if there is none now.
    pub(super) fn find(&mut self) -> io::Result<bool> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = memchr(b'\n', &unread[searched..]) {
                self.line = self.start..self.start + searched + at;
                self.start = self.line.end + 1;
                searched = 0;
                if !std::mem::take(&mut self.skipping) {
                    return Ok(true);
                }
                continue;
            }
            searched = unread.len();
            if searched > LONGEST {
                (self.start, self.end, searched) = (0, 0, 0);
                self.skipped += u64::from(!self.skipping);
                self.skipping = true;
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// The line that was found last, without its newline.
    pub(super) fn found(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// Reads more; `false` if there is nothing more.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < self.end + PORTION {
            self.buffer.resize((self.end + PORTION).next_power_of_two(), 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.end += length;
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Forgets what has no end: there will be none. Whether there was something.
    pub(super) fn give_up(&mut self) -> bool {
        let torn = self.start < self.end && !self.skipping;
        (self.start, self.end, self.line, self.skipping) = (0, 0, 0..0, false);
        torn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(scanner: &mut Scanner<impl Read>) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while scanner.find().expect("bytes") {
            lines.push(scanner.found().to_vec());
        }
        lines
    }

    #[test]
    fn lines_have_any_length_up_to_what_a_record_can_have() {
        let expected: Vec<Vec<u8>> = [0, 1, PORTION - 1, PORTION, 3 * PORTION + 1, 0, 5].map(|n| vec![b'x'; n]).into();
        let mut bytes = expected.join(&b'\n');
        bytes.push(b'\n');
        let mut scanner = Scanner::new(bytes.as_slice());
        assert_eq!(lines(&mut scanner), expected);
        assert!(!scanner.give_up());
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let endless = io::repeat(b'x').take(64 << 20).chain(&b"\nshort\nhalf"[..]);
        let mut scanner = Scanner::new(endless);
        assert_eq!(lines(&mut scanner), [b"short"]);
        assert_eq!(scanner.skipped, 1);
        assert!(scanner.buffer.len() <= 4 * LONGEST, "{}", scanner.buffer.len());
        assert!(scanner.give_up(), "half a line is left");
    }
}
