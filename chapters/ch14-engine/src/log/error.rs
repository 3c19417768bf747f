//! Why a log cannot be had as it was asked for. The words are those of docker 28.

use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::units::UnitError;

/// What goes wrong with a log's settings.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LogError {
    /// A driver that we have not.
    #[error("error looking up logging plugin {0}: plugin \"{0}\" not found")]
    UnknownDriver(String),
    /// An option of `json-file` that there is not.
    #[error("unknown log opt '{0}' for json-file log driver")]
    UnknownJsonOption(String),
    /// An option of `local` that there is not.
    #[error("unknown log opt '{0}' for log driver local")]
    UnknownLocalOption(String),
    /// Options where nothing is logged.
    #[error("invalid logging opts for driver none")]
    OptionsOfNone,
    /// Neither `blocking` nor `non-blocking`.
    #[error("logger: logging mode not supported: {0}")]
    Mode(String),
    /// A buffer that nothing would go through.
    #[error("logger: max-buffer-size option is only supported with 'mode=non-blocking'")]
    NoBuffer,
    /// Not a size.
    #[error("error parsing option max-buffer-size: {0}")]
    BufferSize(UnitError),
    /// Neither true nor false.
    #[error("invalid value for option cache-disabled: {0}")]
    Cache(String),
    /// A value that a driver does not take; docker says so when the container starts.
    #[error("failed to create task for container: failed to initialize logging driver: {0}")]
    Initialize(#[from] OptionError),
}

/// A value that an option cannot have.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OptionError {
    /// Not a number, a size or a truth value.
    #[error("{prefix}{source}")]
    Value {
        /// What the driver says in front.
        prefix: String,
        /// The reason.
        source: UnitError,
    },
    /// A log that is full before the first line.
    #[error("max-size must be a positive number")]
    NoSize,
    /// A log in no file.
    #[error("max-file cannot be less than 1")]
    NoFile,
    /// `json-file`: there is nothing that could be packed.
    #[error("compress cannot be true when max-file is less than 2 or max-size is not set")]
    NothingToPack,
    /// `local`: likewise.
    #[error("compression cannot be enabled when max file count is 1")]
    NothingToPackLocally,
    /// Not a regular expression.
    #[error("error parsing regexp: {0}")]
    Pattern(String),
    /// A template that does not end.
    #[error("template: log-tag:1: unclosed action")]
    UnclosedTag,
    /// A template of a field that there is not.
    #[error(
        "template: log-tag:1:{column}: executing \"log-tag\" at <.{field}>: can't evaluate field {field} in type *logger.Info"
    )]
    TagField {
        /// The field.
        field: String,
        /// Where it stands.
        column: usize,
    },
    /// More of a template than a field.
    #[error("the tag's {{{{{0}}}}} is not supported: only fields are, as in {{{{.Name}}}}")]
    TagFunction(String),
}

impl Diagnose for LogError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Initialize(OptionError::TagFunction(_)) => FailureKind::Unsupported,
            _ => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::UnknownDriver(_)).then(|| "there are json-file, local and none".into())
    }
}
