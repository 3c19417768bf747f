//! A machine for classic BPF, and libseccomp as a second compiler.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod machine;
pub(crate) mod peer;
