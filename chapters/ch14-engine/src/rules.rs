//! `--device-cgroup-rule`: `c 10:* rwm`.

use std::str::FromStr;

use cgroups::{Access, DeviceKind, DeviceRule};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Not a rule.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid device cgroup rule format: '{0}'")]
pub struct RuleError(String);

impl Diagnose for RuleError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some("write a, b or c, the numbers, and letters of rwm: 'c 10:* rwm'".into())
    }
}

/// A rule that allows.
///
/// # Errors
/// [`RuleError`].
pub fn parse(text: &str) -> Result<DeviceRule, RuleError> {
    let wrong = || RuleError(text.into());
    let words: Vec<&str> = text.split(' ').collect();
    let [kind, numbers, letters] = words[..] else { return Err(wrong()) };
    let kind = match kind {
        "a" => DeviceKind::All,
        "b" => DeviceKind::Block,
        "c" => DeviceKind::Char,
        _ => return Err(wrong()),
    };
    let number = |text: &str| match text {
        "*" => Ok(None),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => u32::from_str(text).map(Some).map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
    if !(1..=3).contains(&letters.len()) {
        return Err(wrong());
    }
    let access: Access = letters.parse().map_err(|_| wrong())?;
    Ok(DeviceRule { allow: true, kind, major: number(major)?, minor: number(minor)?, access })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_docker_reads_them() {
        for text in ["c 10:* rwm", "b 8:0 r", "a *:* m", "c 1:3 wr"] {
            assert!(parse(text).is_ok_and(|rule| rule.allow), "{text}");
        }
        for text in
            ["", "x", "c 10 rwm", "c 10:x rwm", "c 10:1 rwmr", "c 10:1 ", "c 10:1 x", "d 1:1 r", "c  1:1 r", "c 1:-1 r"]
        {
            assert_eq!(parse(text), Err(RuleError(text.into())));
        }
    }
}
