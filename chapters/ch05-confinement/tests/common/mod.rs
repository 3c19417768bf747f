//! A machine for classic BPF, libseccomp as a second compiler, programs of one system call, and processes to look at.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod elf;
pub(crate) mod inside;
pub(crate) mod machine;
pub(crate) mod peer;
