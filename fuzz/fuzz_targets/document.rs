#![no_main]

#[path = "../../chapters/ch07-images/tests/targets/document.rs"]
mod document;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| document::document(bytes));
