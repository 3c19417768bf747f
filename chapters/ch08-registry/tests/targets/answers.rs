//! Any bytes as the body of a refusal, and as a token: nothing of it orders a terminal about, or makes another header.

use registry::{Refusal, TokenAnswer, parse_reasons};

pub(crate) fn answers(bytes: &[u8]) {
    let refusal = Refusal { status: 404.try_into().expect("a status"), reasons: parse_reasons(bytes) };
    let shown = refusal.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert!(shown.len() < 8 * 1024, "{} bytes of complaint", shown.len());
    if let Some(answer) = TokenAnswer::parse(bytes) {
        assert!(answer.lifetime().as_secs() <= 86400);
        if let Some(header) = answer.bearer() {
            assert!(!header.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        }
    }
}
