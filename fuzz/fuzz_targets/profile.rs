#![no_main]

#[path = "../../chapters/ch05-confinement/tests/targets/profile.rs"]
mod profile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| profile::profile(bytes));
