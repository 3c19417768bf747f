#![no_main]

#[path = "../../chapters/ch07-images/tests/targets/layout.rs"]
mod layout;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| layout::layout(bytes));
