//! Cuts what comes in portions of any size into lines.

use jiff::Timestamp;
use memchr::memchr;

/// Longer lines become several records, of this many bytes each.
pub(super) const LONGEST: usize = 16 * 1024;
/// What an unfinished line may keep in memory when it is finished.
const KEPT: usize = 4 * 1024;

/// A line, or a part of a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Without the newline.
    pub(super) text: &'a [u8],
    /// Whether one was there.
    pub(super) newline: bool,
    /// When the line began.
    pub(super) time: Timestamp,
}

/// One stream's line that is not finished yet.
#[derive(Debug, Default)]
pub(super) struct Line {
    begun: Vec<u8>,
    /// Of the line, not of the piece: the parts of one line have one time.
    since: Option<Timestamp>,
}

impl Line {
    /// Calls `emit` with each piece that `bytes` complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], now: Timestamp, mut emit: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            let room = LONGEST - self.begun.len();
            let window = &bytes[..bytes.len().min(room)];
            let newline = memchr(b'\n', window);
            let text = &window[..newline.unwrap_or(window.len())];
            bytes = &bytes[text.len() + usize::from(newline.is_some())..];
            let time = self.since.unwrap_or(now);
            self.since = if newline.is_some() { None } else { Some(time) };
            if newline.is_none() && text.len() < room {
                self.begun.extend_from_slice(text);
            } else if self.begun.is_empty() {
                emit(Piece { text, newline: newline.is_some(), time });
            } else {
                self.begun.extend_from_slice(text);
                emit(Piece { text: &self.begun, newline: newline.is_some(), time });
                self.begun.clear();
                self.begun.shrink_to(KEPT);
            }
        }
    }

    /// Nothing more comes: what is there was a line without an end.
    pub(super) fn end(&mut self, emit: impl FnOnce(Piece<'_>)) {
        let text = std::mem::take(&mut self.begun);
        if let Some(time) = self.since.take().filter(|_| !text.is_empty()) {
            emit(Piece { text: &text, newline: false, time });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(portions: &[&[u8]]) -> Vec<(usize, bool, i64)> {
        let (mut line, mut seen) = (Line::default(), Vec::new());
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        for (second, portion) in (0_i64..).zip(portions) {
            line.feed(portion, at(second), |piece| {
                seen.push((piece.text.len(), piece.newline, piece.time.as_second()));
            });
        }
        line.end(|piece| seen.push((piece.text.len(), piece.newline, piece.time.as_second())));
        seen
    }

    #[test]
    fn lines_are_found_wherever_they_are_split() {
        assert_eq!(pieces(&[b"one\ntwo\n\nfour"]), [(3, true, 0), (3, true, 0), (0, true, 0), (4, false, 0)]);
        assert_eq!(pieces(&[b"o", b"ne", b"\n", b"\n"]), [(3, true, 0), (0, true, 3)]);
        assert_eq!(pieces(&[]), []);
        assert_eq!(pieces(&[b"x\n", b""]), [(1, true, 0)]);
    }

    #[test]
    fn a_long_line_is_cut_and_only_its_last_part_has_a_newline() {
        let long = vec![b'x'; 40_000];
        assert_eq!(
            pieces(&[&long, b"\n"]),
            [(LONGEST, false, 0), (LONGEST, false, 0), (40_000 - 2 * LONGEST, true, 0)]
        );
        // What docker 28 does with a line that just fits, and with one that ends where it is cut.
        let line = |length: usize| [&long[..length], b"\n"].concat();
        assert_eq!(pieces(&[&line(LONGEST - 1)]), [(LONGEST - 1, true, 0)]);
        assert_eq!(pieces(&[&line(LONGEST)]), [(LONGEST, false, 0), (0, true, 0)]);
        assert_eq!(pieces(&[&long[..LONGEST]]), [(LONGEST, false, 0)]);
        assert_eq!(pieces(&[&long[..10_000], &long[..10_000]]), [(LONGEST, false, 0), (20_000 - LONGEST, false, 0)]);
    }
}
