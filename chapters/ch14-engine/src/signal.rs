//! Signals by name or number, as docker takes them.

use nix::sys::signal::Signal;
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Not a signal, in docker's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignalError {
    /// No name of one, or 0.
    #[error("invalid signal: {0}")]
    Unknown(String),
    /// A number of none.
    #[error("the linux daemon does not support signal {0}")]
    Number(i32),
}

impl Diagnose for SignalError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

/// The number of a signal; `None` if nothing is said.
///
/// # Errors
/// [`SignalError`].
pub fn parse(text: &str) -> Result<Option<i32>, SignalError> {
    if text.is_empty() {
        return Ok(None);
    }
    match (number(text), text.parse::<i32>()) {
        (Some(number), _) => Ok(Some(number)),
        (None, Ok(number)) if number != 0 => Err(SignalError::Number(number)),
        (None, _) => Err(SignalError::Unknown(text.into())),
    }
}

/// The first real-time signal that the C library leaves to programs.
const REAL_TIME_MIN: i32 = 34;
const LAST: i32 = 64;

/// The number of a signal: `9`, `KILL`, `SIGKILL`, `SIGRTMIN+3`.
pub fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=LAST).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |rest: &str| if rest.is_empty() { Some(0) } else { rest[1..].parse::<i32>().ok() };
    let number = if let Some(rest) = name.strip_prefix("RTMIN").filter(|rest| rest.is_empty() || rest.starts_with('+'))
    {
        REAL_TIME_MIN + offset(rest)?
    } else if let Some(rest) = name.strip_prefix("RTMAX").filter(|rest| rest.is_empty() || rest.starts_with('-')) {
        LAST - offset(rest)?
    } else {
        return format!("SIG{name}").parse::<Signal>().ok().map(|signal| signal as i32);
    };
    (REAL_TIME_MIN..=LAST).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, expected) in [
            ("9", Some(9)),
            ("KILL", Some(9)),
            ("sigterm", Some(15)),
            ("SIGRTMIN", Some(34)),
            ("RTMIN+3", Some(37)),
            ("SIGRTMAX-1", Some(63)),
            ("0", None),
            ("65", None),
            ("-1", None),
            ("RTMIN+31", None),
            ("RTMIN-1", None),
            ("RTMAX+1", None),
            ("nosuch", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
