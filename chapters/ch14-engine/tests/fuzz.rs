//! What may stand in a log: whoever has the disk may have written into it.

mod targets {
    pub(crate) mod log;
}

use std::path::Path;

use testkit::fuzz;

#[test]
fn any_bytes_as_a_log() {
    let words: [&[u8]; 12] = [
        b"{\"log\":\"",
        b"\\n\",\"stream\":\"stdout\"",
        b"\",\"stream\":\"stderr\"",
        b",\"attrs\":{\"a\":\"b\"}",
        b",\"time\":\"2026-11-27T00:10:31.10342259Z\"}\n",
        b"\xff",
        b"\n",
        b"\\u0000",
        b"\\ud83d\\ude00",
        b"\\ufffd",
        b"\0",
        b"{\"time\":\"2026-11-27T00:10:31+02:00\",\"log\":\"x\",\"stream\":\"stdout\"}\n",
    ];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/log");
    fuzz("log", &samples, &words, targets::log::log);
}
