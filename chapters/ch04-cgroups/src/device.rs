//! Which devices a group may use: a list of rules. For each letter of an access, the last rule that names it decides.

use std::fmt;
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Character or block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Both.
    #[default]
    #[serde(rename = "a", alias = "")]
    All,
    /// Bytes one after the other.
    #[serde(rename = "c")]
    Char,
    /// Blocks of a disk.
    #[serde(rename = "b")]
    Block,
}

impl DeviceKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// One rule, in the specification's JSON. Docker's default list denies everything first and then allows what is harmless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRule {
    /// Allow or deny.
    pub allow: bool,
    /// Of which kind.
    #[serde(rename = "type", skip_serializing_if = "DeviceKind::is_all")]
    pub kind: DeviceKind,
    /// Which driver; all if absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub major: Option<u32>,
    /// Which device of it; all if absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub minor: Option<u32>,
    /// Which use of it.
    pub access: Access,
}

/// Uses of a device: letters of `rwm`. All of them if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Read it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Make a node for it.
    pub make: bool,
}

/// A letter that is none of the three.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid device access {0:?}")]
pub struct AccessError(String);

impl Diagnose for AccessError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some("letters of rwm: read, write, make a node".into())
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { read: true, write: true, make: true }
    }
}

impl FromStr for Access {
    type Err = AccessError;

    fn from_str(letters: &str) -> Result<Self, AccessError> {
        match letters {
            "" => Ok(Self::default()),
            _ if letters.chars().all(|letter| "rwm".contains(letter)) => Ok(Self::of(letters)),
            _ => Err(AccessError(letters.into())),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [("r", self.read), ("w", self.write), ("m", self.make)];
        letters.into_iter().filter(|(_, set)| *set).try_for_each(|(letter, _)| out.write_str(letter))
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Access {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Access {
    fn of(letters: &str) -> Self {
        let has = |letter: char| letters.contains(letter);
        Self { read: has('r'), write: has('w'), make: has('m') }
    }
}

/// A negative number is the older way to say "all".
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::<i64>::deserialize(deserializer)? {
        None | Some(..0) => Ok(None),
        Some(number) => u32::try_from(number)
            .map(Some)
            .map_err(|_| serde::de::Error::custom(format!("no device has the number {number}"))),
    }
}

impl DeviceRule {
    /// Everything, allowed or denied.
    pub fn all(allow: bool) -> Self {
        Self { allow, ..Self::default() }
    }

    /// A rule from letters of `rwm`.
    pub fn new(allow: bool, kind: DeviceKind, major: Option<u32>, minor: Option<u32>, letters: &str) -> Self {
        Self { allow, kind, major, minor, access: Access::of(letters) }
    }

    /// Docker's list: nothing but what is harmless.
    pub fn docker_defaults() -> Vec<Self> {
        [Self::all(false)].into_iter().chain(Self::harmless()).collect()
    }

    /// What every container may do: make nodes of anything, and use null, zero, full, random, urandom, tty, console, ptmx
    /// and pseudo-terminals. A node that may be made and not opened is a name.
    pub fn harmless() -> impl Iterator<Item = Self> {
        const USED: [(u32, Option<u32>); 9] = [
            (1, Some(3)),
            (1, Some(5)),
            (1, Some(7)),
            (1, Some(8)),
            (1, Some(9)),
            (5, Some(0)),
            (5, Some(1)),
            (5, Some(2)),
            (136, None),
        ];
        let make = [DeviceKind::Char, DeviceKind::Block].map(|kind| Self::new(true, kind, None, None, "m"));
        let used = USED.map(|(major, minor)| Self::new(true, DeviceKind::Char, Some(major), minor, "rwm"));
        make.into_iter().chain(used)
    }

    /// Whether the rule is about every device and every use.
    pub(crate) fn is_total(&self) -> bool {
        Self { allow: false, ..self.clone() } == Self::default()
    }

    /// The same as v1's files take it. There `a` means everything, whatever follows: a rule about some devices of both
    /// kinds has to be two.
    pub(crate) fn v1_lines(&self) -> Vec<String> {
        let of_kind = |kind| Self { kind, ..self.clone() }.to_string();
        match self.kind {
            DeviceKind::All if self.is_total() => vec!["a".into()],
            DeviceKind::All => vec![of_kind(DeviceKind::Char), of_kind(DeviceKind::Block)],
            kind => vec![of_kind(kind)],
        }
    }
}

impl fmt::Display for DeviceRule {
    /// As `devices.allow` takes it: `c 1:3 rwm`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
        let kind = match self.kind {
            DeviceKind::All => "a",
            DeviceKind::Char => "c",
            DeviceKind::Block => "b",
        };
        write!(out, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_two_lines_on_v1() {
        let lines = |rule: DeviceRule| rule.v1_lines();
        assert_eq!(lines(DeviceRule::all(false)), ["a"]);
        assert_eq!(lines(DeviceRule::new(true, DeviceKind::All, None, None, "m")), ["c *:* m", "b *:* m"]);
        assert_eq!(lines(DeviceRule::new(true, DeviceKind::Char, Some(136), None, "rw")), ["c 136:* rw"]);
    }

    #[test]
    fn the_default_list_is_dockers() {
        let list: Vec<String> = DeviceRule::docker_defaults()
            .iter()
            .map(|rule| format!("{} {rule}", if rule.allow { "allow" } else { "deny " }))
            .collect();
        insta::assert_snapshot!(list.join("\n"));
    }
}
