//! What strangers may send as the name of an image, as its configuration and manifest, and as an archive of images.

mod targets {
    pub(crate) mod config;
    pub(crate) mod document;
    pub(crate) mod layout;
    pub(crate) mod reference;
}

use std::path::{Path, PathBuf};

use testkit::{fuzz, native_test, with_checksums};

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

#[test]
fn any_bytes_as_a_manifest() {
    let words: [&[u8]; 9] = [
        b"null",
        b"[]",
        b"\"manifests\":",
        b"\"layers\":",
        b"\"config\":",
        b"\"platform\":",
        b"\"unknown\"",
        b"application/vnd.oci.image.index.v1+json",
        b"1e999",
    ];
    fuzz("document", &samples("document"), &words, targets::document::document);
}

native_test! {
    fn any_bytes_as_an_archive_of_images(_host) {
        let words: [&[u8]; 7] =
            [b"manifest.json", b"index.json", b"repositories", b"oci-layout", b"../", b"blobs/sha256/", b"layer.tar"];
        // Most changes make a checksum wrong, and would be the end of it.
        fuzz("layout", &samples("layout"), &words, |bytes| targets::layout::layout(&with_checksums(bytes)));
    }
}
