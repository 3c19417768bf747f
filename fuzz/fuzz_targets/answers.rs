#![no_main]

#[path = "../../chapters/ch08-registry/tests/targets/answers.rs"]
mod answers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| answers::answers(bytes));
