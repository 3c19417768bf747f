//! What somebody may give as a bundle.

mod targets {
    pub(crate) mod bundle;
}

use std::path::Path;

use testkit::fuzz;

#[test]
fn any_bytes_as_a_bundle() {
    let words: [&[u8]; 12] = [
        b"null",
        b"\"process\":",
        b"\"linux\":",
        b"\"mounts\":",
        b"\"namespaces\":",
        b"\"type\":\"network\"",
        b"\"capabilities\":",
        b"\"CAP_\"",
        b"\"rlimits\":",
        b"\"resources\":",
        b"\"hooks\":",
        b"\"seccomp\":",
    ];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/bundle");
    fuzz("bundle", &samples, &words, targets::bundle::bundle);
}
