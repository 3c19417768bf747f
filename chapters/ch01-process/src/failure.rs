//! How an error crosses from a child that cannot print to the parent that can: what happened, what to do, which
//! exit code.
//!
//! Every error enum of the chapters implements [`Diagnose`]; the command line prints the message, then the hint, and
//! leaves with the code.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The engine or the kernel refused (`docker run`'s exit status 125).
pub const ENGINE_FAILED: u8 = 125;
/// The command was found and cannot be executed (126, as in a shell).
pub const CANNOT_EXECUTE: u8 = 126;
/// The command was not found (127, as in a shell).
pub const NOT_FOUND: u8 = 127;

/// What an error says beyond its message.
pub trait Diagnose: Error {
    /// The cure, where we know one: a sentence without the word "hint".
    fn hint(&self) -> Option<String> {
        None
    }

    /// The exit status that docker uses for this kind of failure.
    fn exit_code(&self) -> u8 {
        ENGINE_FAILED
    }
}

/// An error as plain data, so that it can travel through a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The whole message: object, action and reason.
    pub message: String,
    /// The cure, if known.
    pub hint: Option<String>,
    /// 125, 126 or 127.
    pub exit_code: u8,
}

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.ends_with(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self { message, hint: error.hint(), exit_code: error.exit_code() }
    }
}

/// Twice this, escaped as JSON at its worst (six bytes for one), still fits the channel.
const LONGEST_TEXT: usize = 1300;

impl Failure {
    /// At most what fits one message of the channel: a `PATH` in a hint can be as long as a container likes.
    pub(crate) fn shortened(&self) -> Self {
        let hint = self.hint.as_deref().map(cut);
        Self { message: cut(&self.message), hint, exit_code: self.exit_code }
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST_TEXT)])
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}
