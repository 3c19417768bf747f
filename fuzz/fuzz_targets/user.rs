#![no_main]

#[path = "../../chapters/ch12-runtime/tests/targets/user.rs"]
mod user;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| user::user(bytes));
