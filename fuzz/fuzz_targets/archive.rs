#![no_main]

#[path = "../../chapters/ch06-layers/tests/targets/archive.rs"]
mod archive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| archive::archive(bytes));
