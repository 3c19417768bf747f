#![no_main]

#[path = "../../chapters/ch06-layers/tests/targets/archive.rs"]
mod archive;
#[path = "../../chapters/ch06-layers/tests/targets/pax.rs"]
mod pax;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pax::pax(bytes));
