//! What strangers may send as a layer.

mod targets {
    pub(crate) mod archive;
    pub(crate) mod pax;
}

use std::path::{Path, PathBuf};

use testkit::{fuzz, native_test, with_checksums};

const WORDS: [&[u8]; 12] = [
    b"../",
    b"/",
    b".wh.",
    b".wh..wh..opq",
    b"path=",
    b"linkpath=",
    b"size=",
    b"SCHILY.xattr.user.a=",
    b"SCHILY.xattr.trusted.overlay.redirect=",
    b"ustar\0",
    b"ustar  \0",
    b"\0\0\0\0\0\0\0\0",
];

fn samples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

native_test! {
    fn any_bytes_as_an_archive(_host) {
        fuzz("archive", &samples("archive"), &WORDS, |bytes| {
            targets::archive::archive(bytes);
            // Most changes make a checksum wrong, and would be the end of it.
            targets::archive::archive(&with_checksums(bytes));
        });
    }

    fn any_bytes_as_pax_records(_host) {
        fuzz("pax", &samples("pax"), &WORDS, targets::pax::pax);
    }
}
