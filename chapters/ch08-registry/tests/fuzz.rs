//! What registries, token servers and name servers may send.

mod targets {
    pub(crate) mod answers;
    pub(crate) mod dns;
    pub(crate) mod headers;
}

use std::path::{Path, PathBuf};

use testkit::fuzz;

fn samples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

#[test]
fn any_text_as_a_header() {
    let words: [&[u8]; 14] = [
        b"Bearer ",
        b"Basic ",
        b"realm=\"",
        b"\\\"",
        b",",
        b"rel=\"next\"",
        b"<",
        b">;",
        b"bytes ",
        b"0-0",
        b"/*",
        b"../",
        b"http://",
        b"18446744073709551615",
    ];
    fuzz("headers", &samples("headers"), &words, targets::headers::headers);
}

#[test]
fn any_bytes_as_an_answer() {
    let words: [&[u8]; 8] =
        [b"null", b"{}", b"[]", b"\"errors\":", b"\"token\":", b"\"expires_in\":", b"1e999", b"\\u0000"];
    fuzz("answers", &samples("answers"), &words, targets::answers::answers);
}

#[test]
fn any_bytes_as_a_name_servers_answer() {
    let words: [&[u8]; 7] = [
        b"\xc0\x0c",
        b"\xc0\x00",
        b"\0\x01\0\x01",
        b"\0\x05\0\x01",
        b"\0\x1c\0\x01",
        b"\x03reg\x07example\0",
        b"\xff\xff",
    ];
    fuzz("dns", &samples("dns"), &words, targets::dns::dns);
}
