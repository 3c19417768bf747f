//! Wrong command lines: docker's words, and docker's exit codes.

use std::error::Error;
use std::process::ExitCode;

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use crate::outcome;

/// A wrong flag; docker says 125, whatever the command.
const WRONG_FLAG: u8 = 125;
/// A wrong number of arguments, or no command of that name.
const WRONG_ARGUMENTS: u8 = 1;

/// What is said, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    text: String,
    code: u8,
}

impl UsageError {
    /// A flag that is none, or a value that is none. `path` is the command's name with those above it.
    pub(crate) fn flag(path: &str, command: &Command, message: impl std::fmt::Display) -> Self {
        let usage = usage_of(command);
        let text = format!("{message}\n\nUsage:  {usage}\n\nRun '{path} --help' for more information\n");
        Self { text, code: WRONG_FLAG }
    }

    /// A value that a flag does not take.
    pub(crate) fn value(
        path: &str,
        command: &Command,
        long: &str,
        value: &str,
        reason: impl std::fmt::Display,
    ) -> Self {
        let short = command.get_arguments().find(|arg| arg.get_long() == Some(long)).and_then(clap::Arg::get_short);
        let name = short.map_or_else(|| format!("--{long}"), |short| format!("-{short}, --{long}"));
        Self::flag(path, command, format_args!("invalid argument {value:?} for {name:?} flag: {reason}"))
    }

    /// Too few arguments, or too many.
    pub(crate) fn arguments(path: &str, command: &Command, need: &str) -> Self {
        let (usage, name) = (usage_of(command), program_of(path));
        let text = format!("{name}: '{path}' {need}\n\nUsage:  {usage}\n\nRun '{path} --help' for more information\n");
        Self { text, code: WRONG_ARGUMENTS }
    }

    /// No such command; those that look alike are named.
    pub(crate) fn command(path: &str, word: &str, near: &[String]) -> Self {
        // A group names itself, and nothing that looks alike.
        let near = if path.contains(' ') { &[] } else { near };
        let group = if path.contains(' ') { format!("\nUsage:  {path}\n") } else { String::new() };
        let near: String = near.iter().fold(String::new(), |text, name| text + "\t" + name + "\n");
        let name = program_of(path);
        let near = if near.is_empty() { near } else { format!("\nDid you mean this?\n{near}") };
        let text = format!(
            "{name}: unknown command: {path} {word}\n{near}{group}\nRun '{path} --help' for more information\n"
        );
        Self { text, code: WRONG_ARGUMENTS }
    }

    /// `help` about nothing that there is.
    pub(crate) fn topic(words: &str) -> Self {
        Self { text: format!("unknown help topic: {words}\n"), code: WRONG_ARGUMENTS }
    }

    /// What clap objects to, after the words have been sorted: a value, and nothing else.
    pub(crate) fn from_clap(path: &str, command: &Command, error: &clap::Error) -> Self {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            _ => String::new(),
        };
        let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
        let reason = match (error.source(), error.get(ContextKind::ValidValue)) {
            (Some(source), _) => source.to_string(),
            (None, _) if value.is_empty() => "it is empty".into(),
            (None, Some(ContextValue::Strings(known))) => format!("must be one of {}", known.join(", ")),
            _ => error.to_string(),
        };
        match argument.strip_prefix("--").and_then(|long| long.split([' ', '=']).next()) {
            Some(long) => Self::value(path, command, long, &value, reason),
            None => Self::flag(path, command, format_args!("invalid argument {value:?}: {reason}")),
        }
    }

    /// Says it.
    pub(crate) fn print(&self) -> ExitCode {
        outcome::complain(&self.text);
        ExitCode::from(self.code)
    }

    /// What is said, for tests.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Who speaks: the first word.
fn program_of(path: &str) -> &str {
    path.split(' ').next().unwrap_or_default()
}

/// `mini-docker run [OPTIONS] IMAGE [COMMAND] [ARG...]`.
fn usage_of(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.strip_prefix("Usage: ").unwrap_or(&usage).trim().to_owned()
}
