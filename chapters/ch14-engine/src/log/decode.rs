//! One record of a log, read. What docker and we write is taken apart by hand; what looks different and is a record
//! nevertheless, by `serde_json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use memchr::{memchr2, memmem};
use process::relay::Stream;
use serde::Deserialize;

use super::record::BEGIN;

/// A record. Its memory is used again for the next.
#[derive(Debug)]
pub(super) struct Record {
    /// What was printed, with its newline.
    pub(super) text: Vec<u8>,
    /// Where.
    pub(super) stream: Stream,
    /// When; 1970 if nobody asked.
    pub(super) time: Timestamp,
    /// What goes with it; nothing if nobody asked.
    pub(super) attributes: BTreeMap<String, String>,
}

/// What is asked for besides the text: it costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) time: bool,
    pub(super) attributes: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self { text: Vec::new(), stream: Stream::Stdout, time: Timestamp::UNIX_EPOCH, attributes: BTreeMap::new() }
    }
}

impl Record {
    /// Takes a line of a log; `None` if it is none.
    pub(super) fn read(&mut self, line: &[u8], wanted: Wanted) -> Option<()> {
        // A power cut leaves zeros where the last records were to be.
        let start = line.iter().position(|byte| *byte != 0)?;
        let line = &line[start..];
        self.read_usual(line, wanted).or_else(|| self.read_any(line))
    }

    fn read_usual(&mut self, line: &[u8], wanted: Wanted) -> Option<()> {
        let rest = self.read_text(line.strip_prefix(BEGIN)?)?.strip_prefix(b",\"stream\":\"std")?;
        self.stream = if rest.starts_with(b"out\"") { Stream::Stdout } else { Stream::Stderr };
        let mut rest = rest.strip_prefix(b"out\"").or_else(|| rest.strip_prefix(b"err\""))?;
        self.attributes.clear();
        if let Some(attributes) = rest.strip_prefix(b",\"attrs\":") {
            let end = memmem::rfind(attributes, b",\"time\":\"")?;
            if wanted.attributes {
                self.attributes = serde_json::from_slice(&attributes[..end]).ok()?;
            }
            rest = &attributes[end..];
        }
        let time = rest.strip_prefix(b",\"time\":\"")?.strip_suffix(b"\"}")?;
        if wanted.time {
            self.time = std::str::from_utf8(time).ok()?.parse().ok()?;
        }
        Some(())
    }

    /// The inside of a string; returns what is behind its end.
    fn read_text<'a>(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        self.text.clear();
        loop {
            let at = memchr2(b'"', b'\\', rest)?;
            self.text.extend_from_slice(&rest[..at]);
            if rest[at] == b'"' {
                return Some(&rest[at + 1..]);
            }
            let escape = *rest.get(at + 1)?;
            rest = &rest[at + 2..];
            self.text.push(match escape {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'"' | b'\\' | b'/' => escape,
                b'u' => {
                    let (digits, behind) = rest.split_at_checked(4)?;
                    rest = behind;
                    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                    // Half of a pair is none: the other reader puts pairs together.
                    self.text.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                _ => return None,
            });
        }
    }

    fn read_any(&mut self, line: &[u8]) -> Option<()> {
        #[derive(Deserialize)]
        struct Any {
            log: String,
            stream: String,
            time: Timestamp,
            #[serde(default)]
            attrs: Option<BTreeMap<String, String>>,
        }
        let any: Any = serde_json::from_slice(line).ok()?;
        self.text = any.log.into_bytes();
        self.stream = if any.stream == "stderr" { Stream::Stderr } else { Stream::Stdout };
        self.time = any.time;
        self.attributes = any.attrs.unwrap_or_default();
        Some(())
    }
}

#[cfg(test)]
mod tests;
