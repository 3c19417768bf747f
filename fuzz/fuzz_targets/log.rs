#![no_main]

#[path = "../../chapters/ch14-engine/tests/targets/log.rs"]
mod log;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log::log(bytes));
