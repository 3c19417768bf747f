//! What strangers may send as the name of an image, and as its configuration.

mod targets {
    pub(crate) mod config;
    pub(crate) mod reference;
}

use std::path::{Path, PathBuf};

use testkit::fuzz;

fn samples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

#[test]
fn any_text_as_a_reference() {
    let words: [&[u8]; 9] =
        [b"/", b":", b"@sha256:", b"localhost", b"docker.io/", b"library/", b"..", b"__", b"[::1]:5000/"];
    fuzz("reference", &samples("reference"), &words, targets::reference::reference);
}

#[test]
fn any_bytes_as_a_configuration() {
    let words: [&[u8]; 8] =
        [b"null", b"{}", b"[]", b"\"Env\":", b"\"config\":", b"\"rootfs\":", b"\"diff_ids\":", b"1e999"];
    fuzz("config", &samples("config"), &words, targets::config::config);
}
