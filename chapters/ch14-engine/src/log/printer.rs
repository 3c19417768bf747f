//! Records as `logs` prints them, to whoever wants which stream. What goes to one stream is gathered; a terminal shows both,
//! so their order is kept.

use std::io::{self, Write};

use process::relay::Stream;

use super::decode::Record;
use super::query::LogQuery;

const BATCH: usize = 64 * 1024;

/// Where the streams of a log go.
pub struct Sinks<'a> {
    /// What the container printed to its standard output.
    pub stdout: &'a mut dyn Write,
    /// What it printed to its standard error.
    pub stderr: &'a mut dyn Write,
}

/// Gathers what is printed.
#[derive(Debug)]
pub(super) struct Printer {
    buffer: Vec<u8>,
    stream: Stream,
}

impl Printer {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), stream: Stream::Stdout }
    }

    pub(super) fn print(&mut self, record: &Record, query: &LogQuery, sinks: &mut Sinks<'_>) -> io::Result<()> {
        if self.stream != record.stream || self.buffer.len() >= BATCH {
            self.flush(sinks)?;
            self.stream = record.stream;
        }
        if query.timestamps {
            write!(self.buffer, "{:.9} ", record.time)?;
        }
        if query.details {
            for (number, (name, value)) in record.attributes.iter().enumerate() {
                if number > 0 {
                    self.buffer.push(b',');
                }
                quote(&mut self.buffer, name);
                self.buffer.push(b'=');
                quote(&mut self.buffer, value);
            }
            self.buffer.push(b' ');
        }
        self.buffer.extend_from_slice(&record.text);
        Ok(())
    }

    pub(super) fn flush(&mut self, sinks: &mut Sinks<'_>) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let sink = match self.stream {
            Stream::Stdout => &mut sinks.stdout,
            Stream::Stderr => &mut sinks.stderr,
        };
        sink.write_all(&self.buffer)?;
        self.buffer.clear();
        sink.flush()
    }
}

/// As in a URL's query (Go's `url.QueryEscape`).
fn quote(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            // A vector takes all that is written.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}
