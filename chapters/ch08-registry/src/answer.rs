//! What a registry says when it says no: a status, and mostly a list in JSON.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>

use std::fmt;

use serde::Deserialize;
use ureq::http::StatusCode;

use crate::fault::HttpError;
use crate::http::Response;

/// Nobody's list is longer.
const LARGEST: u64 = 64 * 1024;
/// Of a text that is to be shown.
const LONGEST: usize = 500;

/// No.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// Its reasons; may be none.
    pub reasons: Vec<Reason>,
}

/// One of its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reason {
    /// `MANIFEST_UNKNOWN`.
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// Registries have a list; token servers may have one, or a text.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Reason>,
    #[serde(default)]
    details: String,
}

impl Refusal {
    /// Reads the body of an answer.
    pub(crate) fn read(response: &mut Response) -> Result<Self, HttpError> {
        let bytes = response.bytes(LARGEST)?;
        Ok(Self { status: response.status, reasons: parse_reasons(&bytes) })
    }

    /// Whether this is among its reasons.
    pub fn has(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }
}

/// The reasons in the body of an answer.
pub fn parse_reasons(bytes: &[u8]) -> Vec<Reason> {
    match serde_json::from_slice::<Body>(bytes) {
        Ok(body) if !body.errors.is_empty() => body.errors,
        Ok(body) if !body.details.is_empty() => vec![Reason { code: String::new(), message: body.details }],
        _ => Vec::new(),
    }
}

impl fmt::Display for Refusal {
    /// As docker: `manifest unknown: manifest unknown`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reasons.is_empty() {
            return write!(out, "received unexpected HTTP status: {}", self.status);
        }
        for (index, reason) in self.reasons.iter().take(5).enumerate() {
            let code = cut(&reason.code).to_lowercase().replace('_', " ");
            let message = cut(&reason.message);
            let separator = if index == 0 { "" } else { "; " };
            match (code.is_empty(), message.is_empty()) {
                (true, _) => write!(out, "{separator}{message}")?,
                (false, true) => write!(out, "{separator}{code}")?,
                (false, false) => write!(out, "{separator}{code}: {message}")?,
            }
        }
        Ok(())
    }
}

/// One line of what a stranger wrote.
pub(crate) fn cut(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_in_dockers_words() {
        let shown =
            |body: &str| Refusal { status: StatusCode::NOT_FOUND, reasons: parse_reasons(body.as_bytes()) }.to_string();
        let one = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#;
        assert_eq!(shown(one), "manifest unknown: manifest unknown");
        assert_eq!(shown(r#"{"errors":[{"code":"A"},{"message":"b\u001b[2J"}]}"#), "a; b [2J");
        assert_eq!(shown(r#"{"details":"incorrect username or password"}"#), "incorrect username or password");
        for body in ["", "<html>", "{}", "[]", r#"{"errors":7}"#] {
            assert_eq!(shown(body), "received unexpected HTTP status: 404 Not Found");
        }
    }
}
