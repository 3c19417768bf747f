#![no_main]

#[path = "../../chapters/ch12-runtime/tests/targets/bundle.rs"]
mod bundle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bundle::bundle(bytes));
