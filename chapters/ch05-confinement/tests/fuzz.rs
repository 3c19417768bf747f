//! What somebody may give as a seccomp profile.

mod targets {
    pub(crate) mod profile;
}

use std::path::Path;

use testkit::fuzz;

#[test]
fn any_bytes_as_a_profile() {
    let words: [&[u8]; 12] = [
        b"\"SCMP_ACT_ERRNO\"",
        b"\"SCMP_ACT_NOTIFY\"",
        b"\"SCMP_CMP_MASKED_EQ\"",
        b"\"args\":",
        b"\"includes\":",
        b"\"names\":",
        b"\"archMap\":",
        b"\"SCMP_ARCH_X32\"",
        b"\"minKernel\":",
        b"\"errnoRet\":",
        b"null",
        b"{\"index\":5,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}",
    ];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/profile");
    fuzz("profile", &samples, &words, targets::profile::profile);
}
