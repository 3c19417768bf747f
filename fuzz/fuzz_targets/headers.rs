#![no_main]

#[path = "../../chapters/ch08-registry/tests/targets/headers.rs"]
mod headers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headers::headers(bytes));
