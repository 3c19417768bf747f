//! How an error crosses from a child that cannot print to the parent that can: what happened, what to do, and which
//! kind of failure it is.
//!
//! Every error enum of the chapters implements [`Diagnose`]; the command line prints the message, then the hint, and
//! leaves with the exit code that the kind stands for.

use std::error::Error;
use std::fmt;
use std::io;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// The caller's streams failed, or the caller lost patience: docker's client then leaves with 1.
pub const CALLER_FAILED: u8 = 1;
/// The engine or the kernel refused (`docker run`'s exit status 125).
pub const ENGINE_FAILED: u8 = 125;
/// The command was found and cannot be executed (126, as in a shell).
pub const CANNOT_EXECUTE: u8 = 126;
/// The command was not found (127, as in a shell).
pub const NOT_FOUND: u8 = 127;

/// What kind of failure it is: whoever receives one decides by this, never by the words. Exit codes follow from it, as
/// HTTP statuses do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The object that was named does not exist.
    NotFound,
    /// It exists, and its state or somebody else's claim forbids what was asked.
    Conflict,
    /// The request makes no sense: a value out of range, options that exclude each other, a file that is none.
    Invalid,
    /// It is already as was asked.
    NotModified,
    /// It makes sense, and neither we nor this machine can do it.
    Unsupported,
    /// Whoever asked has not the right to it.
    Denied,
    /// The kernel, the disk or a program that we rely on failed.
    System,
    /// The container's command is there and cannot be executed.
    CannotExecute,
    /// The container's command is not there.
    CommandNotFound,
    /// Whoever called us left, or gave us streams that do not serve: the engine did its part.
    Caller,
}

impl FailureKind {
    /// The exit status of `docker run`: 126 and 127 speak of the container's command, 1 of who called us, 125 of everything
    /// else.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::CannotExecute => CANNOT_EXECUTE,
            Self::CommandNotFound => NOT_FOUND,
            Self::Caller => CALLER_FAILED,
            _ => ENGINE_FAILED,
        }
    }
}

/// What the kernel's word means where nothing more is known.
impl From<Errno> for FailureKind {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EPERM | Errno::EACCES => Self::Denied,
            Errno::ENOSYS | Errno::EOPNOTSUPP => Self::Unsupported,
            _ => Self::System,
        }
    }
}

impl From<&io::Error> for FailureKind {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Errno::from_raw(error.raw_os_error().unwrap_or_default()).into(),
        }
    }
}

/// [`Diagnose::inner`] of an enum, in one line: `inner!(self, Plan | Spawn)` names the variants that only pass an error
/// on.
#[macro_export]
macro_rules! inner {
    ($error:expr, $($variant:ident)|+) => {
        match $error {
            $(Self::$variant(error) => Some(error as &dyn $crate::Diagnose),)+
            #[allow(unreachable_patterns, reason = "an enum may have no other variant")]
            _ => None,
        }
    };
}

/// What an error says beyond its message.
///
/// An enum whose variants wrap other errors names them in [`inner`](Diagnose::inner); what it does not know itself is
/// then asked of them.
pub trait Diagnose: Error {
    /// The error inside, if this one only passes it on.
    fn inner(&self) -> Option<&dyn Diagnose> {
        None
    }

    /// The kind, where this error knows it better than the one inside.
    fn kind(&self) -> Option<FailureKind> {
        None
    }

    /// The cure, where we know one: a sentence without the word "hint".
    fn hint(&self) -> Option<String> {
        None
    }
}

/// An error as plain data, so that it can travel through a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The whole message: object, action and reason.
    pub message: String,
    /// The cure, if known.
    pub hint: Option<String>,
    /// What kind it is of.
    pub kind: FailureKind,
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
        // The outermost that knows has the word.
        let (mut kind, mut hint) = (error.kind(), error.hint());
        let mut inner = error.inner();
        while let Some(error) = inner {
            kind = kind.or_else(|| error.kind());
            hint = hint.or_else(|| error.hint());
            inner = error.inner();
        }
        Self { message, hint, kind: kind.unwrap_or(FailureKind::System) }
    }
}

/// Twice this, escaped as JSON at its worst (six bytes for one), still fits the channel.
const LONGEST_TEXT: usize = 1300;

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, kind }
    }

    /// The exit status that docker has for it.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// At most what fits one message of the channel: a `PATH` in a hint can be as long as a container likes.
    pub(crate) fn shortened(&self) -> Self {
        let hint = self.hint.as_deref().map(cut);
        Self { message: cut(&self.message), hint, kind: self.kind }
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
