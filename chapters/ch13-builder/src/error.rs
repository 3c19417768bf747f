//! What is wrong with an instruction, in docker's words.

use process::{Diagnose, FailureKind};
use thiserror::Error;

/// An instruction that is none, or cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstructionError {
    /// Nothing but comments.
    #[error("file with no instructions")]
    Nothing,
    /// One that changes more than a configuration, or is unknown.
    #[error("{0} is not a valid change command")]
    NotAChange(String),
    /// No argument where there must be one.
    #[error("{0} requires {1}")]
    Arguments(String, &'static str),
    /// A name without a value.
    #[error("{0} must have two arguments")]
    Pair(String),
    /// A value without a name.
    #[error("{0} names can not be blank")]
    BlankName(String),
    /// `--flag` of an instruction that has none of that name.
    #[error("unknown flag: --{0}")]
    Flag(String),
    /// A list in JSON with something that is no text.
    #[error("when using JSON array syntax, arrays must be comprised of strings only")]
    Json,
    /// A quote that does not end.
    #[error("failed to process {0:?}: unexpected end of statement while looking for matching {1}-quote")]
    Quote(String, &'static str),
    /// `${NAME` without its end, or with an operator that there is not.
    #[error("failed to process {0:?}: {1}")]
    Variable(String, &'static str),
    /// A port that is none.
    #[error("Invalid containerPort: {0}")]
    Port(String),
    /// A protocol that ports do not have.
    #[error("Invalid proto: {0}")]
    Protocol(String),
    /// A volume at no place.
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    /// A signal that is none.
    #[error("invalid signal: {0}")]
    Signal(String),
    /// A health check of an unknown kind.
    #[error("Unknown type {0:?} in HEALTHCHECK (try CMD)")]
    HealthKind(String),
    /// A health check without a command, or a missing one with one.
    #[error("{0}")]
    Health(&'static str),
    /// A span that is none.
    #[error("time: {0}")]
    Duration(String),
    /// A span that is too short.
    #[error("Interval {0:?} cannot be less than 1ms")]
    Short(String),
    /// A number below 0, or none.
    #[error("--retries cannot be negative ({0})")]
    Retries(i64),
    /// A number that is none.
    #[error("strconv.ParseInt: parsing {0:?}: invalid syntax")]
    Number(String),
    /// An instruction that cannot be put off.
    #[error("{0} isn't allowed as an ONBUILD trigger")]
    Trigger(String),
    /// Twice.
    #[error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")]
    Chained,
}

impl Diagnose for InstructionError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}
