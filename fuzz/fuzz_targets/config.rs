#![no_main]

#[path = "../../chapters/ch07-images/tests/targets/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::config(bytes));
