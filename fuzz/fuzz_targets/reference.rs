#![no_main]

#[path = "../../chapters/ch07-images/tests/targets/reference.rs"]
mod reference;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reference::reference(bytes));
