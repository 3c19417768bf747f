//! What somebody may give as a bundle, and what an image may say of its users.

mod targets {
    pub(crate) mod bundle;
    pub(crate) mod user;
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

#[test]
fn any_files_about_users() {
    let words: [&[u8]; 9] = [b":", b"\n--\n", b"\n", b":x:0:0:", b"root", b"0", b"2147483648", b"4294967295", b","];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/user");
    fuzz("user", &samples, &words, targets::user::user);
}
