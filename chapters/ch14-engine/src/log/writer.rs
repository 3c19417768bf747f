//! Who writes a container's log. It belongs to the shim: it never waits for anything but the disk, starts no thread, keeps
//! little in memory, and what it cannot write it counts.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use process::relay::Stream;

use super::config::LogConfig;
use super::lines::{Line, Piece};
use super::output::Output;
use super::record;

/// Records are gathered until there are this many bytes of them: a portion of 64 KiB in lines of a hundred bytes becomes one
/// write.
const BATCH: usize = 128 * 1024;
/// A portion of less is the end of a burst, after which no large buffer is kept.
const SMALL: usize = 32 * 1024;

/// The log of one container, for one life of its shim.
#[derive(Debug)]
pub struct LogWriter {
    /// `None` if nothing is to be logged.
    output: Option<Output>,
    attributes: Vec<u8>,
    lines: [Line; 2],
    buffer: Vec<u8>,
    ending: Vec<u8>,
    odd_ending: Vec<u8>,
}

impl LogWriter {
    /// The log of container `id`, whose directory is `directory`; `attributes` are [what goes with each
    /// line](LogConfig::attributes). It goes on behind what is there. No file is touched before something is written.
    pub fn open(directory: &Path, id: &str, config: &LogConfig, attributes: &BTreeMap<String, String>) -> Self {
        let output = config.files(directory, id).map(|files| Output::new(files, config.max_size, config.compress));
        Self {
            output,
            attributes: record::attributes(attributes),
            lines: [Line::default(), Line::default()],
            buffer: Vec::new(),
            ending: Vec::new(),
            odd_ending: Vec::new(),
        }
    }

    /// Takes what was read at `now` from one of the container's streams: any bytes, split anywhere. Of the last line, as long
    /// as it is not complete, nothing is in the file.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: Timestamp) {
        if self.output.is_none() {
            return;
        }
        record::ending(&mut self.ending, stream, &self.attributes, now);
        let line = std::mem::take(&mut self.lines[stream as usize]);
        self.lines[stream as usize] = self.feed(line, stream, bytes, now);
        self.flush(now);
        if bytes.len() < SMALL {
            self.buffer.shrink_to(SMALL);
        }
    }

    fn feed(&mut self, mut line: Line, stream: Stream, bytes: &[u8], now: Timestamp) -> Line {
        let mut limit = self.limit();
        line.feed(bytes, now, |piece| {
            self.append(piece, stream, now);
            if self.buffer.len() >= limit {
                self.flush(now);
                limit = self.limit();
            }
        });
        line
    }

    /// Both streams are over: what has no newline at its end is written without one. More may be written afterwards, when
    /// the container has started again.
    pub fn finish(&mut self, now: Timestamp) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            record::ending(&mut self.ending, stream, &self.attributes, now);
            let mut line = std::mem::take(&mut self.lines[stream as usize]);
            line.end(|piece| self.append(piece, stream, now));
        }
        self.flush(now);
        self.buffer = Vec::new();
    }

    fn append(&mut self, piece: Piece<'_>, stream: Stream, now: Timestamp) {
        let ending = if piece.time == now {
            &self.ending
        } else {
            record::ending(&mut self.odd_ending, stream, &self.attributes, piece.time);
            &self.odd_ending
        };
        record::append(&mut self.buffer, piece.text, piece.newline, ending);
    }

    /// How many bytes are gathered: no more than the current file takes.
    fn limit(&self) -> usize {
        let room = self.output.as_ref().map_or(u64::MAX, Output::room);
        usize::try_from(room).unwrap_or(usize::MAX).min(BATCH)
    }

    fn flush(&mut self, now: Timestamp) {
        if let Some(output) = self.output.as_mut().filter(|_| !self.buffer.is_empty()) {
            output.write(&self.buffer, now);
            self.buffer.clear();
        }
    }
}

#[cfg(test)]
mod tests;
