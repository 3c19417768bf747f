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

/// Where a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the newline behind it.
    Newline,
    /// Where a record may not be longer.
    Full,
    /// It goes on in bytes that are to come.
    ToCome,
}

/// The first piece of `bytes`, for which there is `room` in its record; how it ends; and what is behind it.
// ANCHOR: cut
fn cut(bytes: &[u8], room: usize) -> (&[u8], End, &[u8]) {
    // ANCHOR: ex_chunk
    let window = &bytes[..bytes.len().min(room)];
    if let Some(at) = memchr(b'\n', window) {
        return (&window[..at], End::Newline, &bytes[at + 1..]);
    }
    let end = if window.len() == room { End::Full } else { End::ToCome };
    (window, end, &bytes[window.len()..])
    // ANCHOR_END: ex_chunk
}
// ANCHOR_END: cut

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
            let (text, end, rest) = cut(bytes, LONGEST - self.begun.len());
            bytes = rest;
            let newline = end == End::Newline;
            let time = self.since.unwrap_or(now);
            self.since = if newline { None } else { Some(time) };
            if end == End::ToCome {
                self.begun.extend_from_slice(text);
            } else if self.begun.is_empty() {
                emit(Piece { text, newline, time });
            } else {
                self.begun.extend_from_slice(text);
                emit(Piece { text: &self.begun, newline, time });
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
    use testkit::judge;

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

    /// Of each piece its length, whether it has a newline, and the second in which its line began.
    type Pieces = Vec<(usize, bool, i64)>;

    fn expect(
        what: &str,
        portions: &[&[u8]],
        expected: &[(usize, bool, i64)],
        cause: impl Fn(&Pieces) -> &'static str,
    ) {
        judge(&format!("pieces of {what}: length, newline, second"))
            .expected(expected.to_vec())
            .seen(pieces(portions))
            .cause(|seen| cause(seen).into())
            .read("ch14-engine, \"A log of lines\"");
    }

    #[test]
    fn lines_are_found_wherever_they_are_split() {
        let whole = |seen: &Pieces| {
            if seen.iter().all(|(_, newline, _)| *newline) {
                "what has come so far counts as a line, though its newline is still to come"
            } else {
                "unknown"
            }
        };
        expect(
            "four lines at once",
            &[b"one\ntwo\n\nfour"],
            &[(3, true, 0), (3, true, 0), (0, true, 0), (4, false, 0)],
            whole,
        );
        expect("two lines byte by byte", &[b"o", b"ne", b"\n", b"\n"], &[(3, true, 0), (0, true, 3)], whole);
        expect("nothing", &[], &[], whole);
        expect("a line and nothing", &[b"x\n", b""], &[(1, true, 0)], whole);
    }

    #[test]
    fn a_long_line_is_cut_and_only_its_last_part_has_a_newline() {
        const CUT: (usize, bool, i64) = (LONGEST, false, 0);
        let long = vec![b'x'; 40_000];
        let cut = |seen: &Pieces| match seen.first() {
            Some((LONGEST, true, _)) if seen.len() > 1 => "a piece that was cut says that its line ends there",
            Some((length, _, _)) if *length > LONGEST => "a piece is longer than a record may be",
            Some((LONGEST, true, _)) => "the newline behind a full piece belongs to a piece of its own, which is empty",
            _ => "unknown",
        };
        expect("a line of 40,000 bytes", &[&long, b"\n"], &[CUT, CUT, (40_000 - 2 * LONGEST, true, 0)], cut);
        // What docker 28 does with a line that just fits, and with one that ends where it is cut.
        let line = |length: usize| [&long[..length], b"\n"].concat();
        expect("a line of 40,000 bytes at once", &[&line(40_000)], &[CUT, CUT, (40_000 - 2 * LONGEST, true, 0)], cut);
        expect("one of 16,383", &[&line(LONGEST - 1)], &[(LONGEST - 1, true, 0)], cut);
        expect("one of 16,384", &[&line(LONGEST)], &[CUT, (0, true, 0)], cut);
        expect("16,384 bytes without a newline", &[&long[..LONGEST]], &[CUT], cut);
        let halves: [&[u8]; 2] = [&long[..10_000], &long[..10_000]];
        expect("20,000 bytes in two portions", &halves, &[CUT, (20_000 - LONGEST, false, 0)], cut);
    }
}
