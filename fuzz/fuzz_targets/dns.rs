#![no_main]

#[path = "../../chapters/ch08-registry/tests/targets/dns.rs"]
mod dns;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dns::dns(bytes));
