//! A failure as it travels: whatever bytes come, reading them ends in a `Failure`.

use std::error::Error;
use std::fmt;

use process::{Diagnose, Failure};
use proptest::prelude::*;

#[derive(Debug)]
struct Outer(Inner);
#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("mount /proc")
    }
}
impl fmt::Display for Inner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("permission denied")
    }
}
impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
impl Error for Inner {}
impl Diagnose for Outer {}

#[test]
fn the_whole_chain_of_causes_is_in_the_message() {
    let failure = Failure::from(Outer(Inner));
    assert_eq!(failure.to_string(), "mount /proc: permission denied");
    assert_eq!((failure.hint, failure.exit_code), (None, 125));
}

proptest! {
    #[test]
    fn a_failure_survives_the_journey(message in ".*", hint in proptest::option::of(".*"), exit_code: u8) {
        let sent = Failure { message, hint, exit_code };
        let bytes = serde_json::to_vec(&sent).expect("plain data");
        prop_assert_eq!(serde_json::from_slice::<Failure>(&bytes).expect("what was sent"), sent);
    }
}
