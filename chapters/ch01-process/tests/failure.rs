//! A failure as it travels: whatever bytes come, reading them ends in a `Failure`.

use std::error::Error;
use std::fmt;

use process::{Diagnose, Failure, FailureKind};
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
impl Diagnose for Outer {
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(&self.0)
    }
}
impl Diagnose for Inner {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Denied)
    }

    fn hint(&self) -> Option<String> {
        Some("be root".into())
    }
}

#[test]
fn the_whole_chain_of_causes_is_in_the_message() {
    let failure = Failure::from(Outer(Inner));
    assert_eq!(failure.to_string(), "mount /proc: permission denied");
}

/// What an error that only passes another on does not say, the one inside does.
#[test]
fn kind_and_hint_come_from_the_error_inside() {
    let failure = Failure::from(Outer(Inner));
    assert_eq!((failure.kind, failure.hint.as_deref()), (FailureKind::Denied, Some("be root")));
}

/// 126 and 127 are about the container's command, and about nothing else (`docker run`).
#[test]
fn the_exit_code_follows_from_the_kind() {
    let codes = [FailureKind::CannotExecute, FailureKind::CommandNotFound, FailureKind::NotFound, FailureKind::System];
    assert_eq!(codes.map(FailureKind::exit_code), [126, 127, 125, 125]);
}

proptest! {
    #[test]
    fn a_failure_survives_the_journey(message in ".*", hint in proptest::option::of(".*")) {
        let sent = Failure { message, hint, kind: FailureKind::Conflict };
        let bytes = serde_json::to_vec(&sent).expect("plain data");
        prop_assert_eq!(serde_json::from_slice::<Failure>(&bytes).expect("what was sent"), sent);
    }
}
