//! `HEALTHCHECK`.

use images::HealthConfig;

use crate::duration;
use crate::error::InstructionError;
use crate::instruction::Instruction;

const SHORTEST: i64 = 1_000_000;

/// The check that an instruction describes.
///
/// # Errors
/// [`InstructionError`].
pub(crate) fn check(instruction: &Instruction) -> Result<HealthConfig, InstructionError> {
    let (kind, rest) = instruction.rest.split_once(char::is_whitespace).unwrap_or((&instruction.rest, ""));
    let command = Instruction { keyword: "CMD".into(), flags: Vec::new(), rest: rest.trim_start().into() };
    if kind.is_empty() {
        return Err(InstructionError::Arguments("HEALTHCHECK".into(), "at least one argument"));
    }
    let mut check = HealthConfig::default();
    for (name, value) in &instruction.flags {
        match name.as_str() {
            "interval" => check.interval = span(name, value)?,
            "timeout" => check.timeout = span(name, value)?,
            "start-period" => check.start_period = span(name, value)?,
            "start-interval" => check.start_interval = span(name, value)?,
            "retries" => check.retries = retries(value)?,
            other => return Err(InstructionError::Flag(other.into())),
        }
    }
    check.test = match kind.to_uppercase().as_str() {
        "NONE" if command.rest.is_empty() => {
            return Ok(HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() });
        }
        "NONE" => return Err(InstructionError::Health("HEALTHCHECK NONE takes no arguments")),
        "CMD" if command.rest.is_empty() => {
            return Err(InstructionError::Health("Missing command after HEALTHCHECK CMD"));
        }
        "CMD" => match command.list()? {
            Some(words) => std::iter::once("CMD".to_owned()).chain(words).collect(),
            None => vec!["CMD-SHELL".into(), command.rest],
        },
        other => return Err(InstructionError::HealthKind(other.into())),
    };
    Ok(check)
}

fn span(name: &str, text: &str) -> Result<i64, InstructionError> {
    if text.is_empty() {
        return Ok(0);
    }
    match duration::parse(text)? {
        0 => Ok(0),
        short if short < SHORTEST => Err(InstructionError::Short(name.into())),
        span => Ok(span),
    }
}

fn retries(text: &str) -> Result<i64, InstructionError> {
    if text.is_empty() {
        return Ok(0);
    }
    match text.parse::<i32>() {
        Ok(number) if number < 0 => Err(InstructionError::Retries(number.into())),
        Ok(number) => Ok(number.into()),
        Err(_) => Err(InstructionError::Number(text.into())),
    }
}
