//! One line of a log as docker's `json-file` driver writes it, byte for byte:
//! `{"log":"text\n","stream":"stdout","time":"2026-11-27T00:10:31.102894823Z"}`.
//!
//! Written by hand: every byte that a container prints passes here, and nearly all of them need no escape.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use process::relay::Stream;

/// Bytes that are looked at in one go; the compiler makes two vector registers of it.
const BLOCK: usize = 32;

/// Where a record begins.
pub(super) const BEGIN: &[u8] = b"{\"log\":\"";

/// Appends one record. `ending` is what [`ending`] gave for its stream and time.
pub(super) fn append(out: &mut Vec<u8>, line: &[u8], newline: bool, ending: &[u8]) {
    out.extend_from_slice(BEGIN);
    escape(out, line);
    if newline {
        out.extend_from_slice(b"\\n");
    }
    out.extend_from_slice(ending);
}

/// Everything behind the text, which is the same for all lines that were read together.
pub(super) fn ending(out: &mut Vec<u8>, stream: Stream, attributes: &[u8], time: Timestamp) {
    out.clear();
    out.extend_from_slice(match stream {
        Stream::Stdout => b"\",\"stream\":\"stdout\"",
        Stream::Stderr => b"\",\"stream\":\"stderr\"",
    });
    out.extend_from_slice(attributes);
    // Like Go's RFC3339Nano: no zeros at the end, and no point if nothing is behind it. A vector takes all that is written.
    let _ = writeln!(out, ",\"time\":\"{time}\"}}");
}

/// The attributes as they stand in each record; nothing if there are none.
pub(super) fn attributes(attributes: &BTreeMap<String, String>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in attributes {
        out.extend_from_slice(if out.is_empty() { b",\"attrs\":{\"" } else { b",\"" });
        escape(&mut out, name.as_bytes());
        out.extend_from_slice(b"\":\"");
        escape(&mut out, value.as_bytes());
        out.push(b'"');
    }
    if !out.is_empty() {
        out.push(b'}');
    }
    out
}

/// Appends a text as the inside of a JSON string, as docker does: besides what JSON demands, what HTML could trip over is
/// escaped; of what is not UTF-8, each byte becomes U+FFFD.
pub(super) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    loop {
        let plain = plain(rest);
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        match rest {
            [] => return,
            [0x80..=0xff, ..] => {
                let end = rest.iter().position(u8::is_ascii).unwrap_or(rest.len());
                escape_unicode(out, &rest[..end]);
                rest = &rest[end..];
                continue;
            }
            [b'\n', ..] => out.extend_from_slice(b"\\n"),
            [b'\r', ..] => out.extend_from_slice(b"\\r"),
            [special @ (b'"' | b'\\'), ..] => out.extend_from_slice(&[b'\\', *special]),
            [other, ..] => {
                let [high, low] = [other >> 4, other & 15].map(|digit| HEX[usize::from(digit)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        rest = &rest[1..];
    }
}

/// How many bytes at the beginning can stand as they are.
fn plain(text: &[u8]) -> usize {
    let mut blocks = text.chunks_exact(BLOCK);
    let whole = blocks.by_ref().take_while(|block| !block.iter().fold(false, |any, byte| any | is_special(*byte)));
    let start = whole.count() * BLOCK;
    start + text[start..].iter().position(|byte| is_special(*byte)).unwrap_or(text.len() - start)
}

/// Whether it cannot stand as it is.
#[expect(clippy::needless_bitwise_bool, reason = "without branches a whole block is judged at once")]
fn is_special(byte: u8) -> bool {
    !(0x20..0x80).contains(&byte) | (byte == b'"') | (byte == b'\\') | (byte == b'<') | (byte == b'>') | (byte == b'&')
}

/// A run without any ASCII in it. The two line ends of Unicode are none in JSON, but were in JavaScript.
fn escape_unicode(out: &mut Vec<u8>, run: &[u8]) {
    for chunk in run.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(['\u{2028}', '\u{2029}']) {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            let last = rest.as_bytes()[at + 2];
            out.extend_from_slice(if last == 0xa8 { b"\\u2028" } else { b"\\u2029" });
            rest = &rest[at + 3..];
        }
        out.extend_from_slice(rest.as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
}

#[cfg(test)]
mod tests;
