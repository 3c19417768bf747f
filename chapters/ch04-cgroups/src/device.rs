//! Which devices a group may use: a list of rules. For each letter of an access, the last rule that names it decides.

use std::fmt;

/// Character or block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Both.
    All,
    /// Bytes one after the other.
    Char,
    /// Blocks of a disk.
    Block,
}

/// One rule. Docker's default list denies everything first and then allows what is harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the kernel's list has one letter for each")]
pub struct DeviceRule {
    /// Allow or deny.
    pub allow: bool,
    /// Of which kind.
    pub kind: DeviceKind,
    /// Which driver; all if absent.
    pub major: Option<u32>,
    /// Which device of it; all if absent.
    pub minor: Option<u32>,
    /// Read it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Make a node for it.
    pub make: bool,
}

impl DeviceRule {
    /// Everything, allowed or denied.
    pub fn all(allow: bool) -> Self {
        Self { allow, kind: DeviceKind::All, major: None, minor: None, read: true, write: true, make: true }
    }

    /// A rule from letters of `rwm`.
    pub fn new(allow: bool, kind: DeviceKind, major: Option<u32>, minor: Option<u32>, access: &str) -> Self {
        let has = |letter: char| access.contains(letter);
        Self { allow, kind, major, minor, read: has('r'), write: has('w'), make: has('m') }
    }

    /// Docker's list: nothing, but nodes may be made of anything, and null, zero, full, random, urandom, tty, console,
    /// ptmx and pseudo-terminals be used. A node that may be made and not opened is a name.
    pub fn docker_defaults() -> Vec<Self> {
        const HARMLESS: [(u32, Option<u32>); 9] = [
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
        let mut rules = vec![
            Self::all(false),
            Self::new(true, DeviceKind::Char, None, None, "m"),
            Self::new(true, DeviceKind::Block, None, None, "m"),
        ];
        rules.extend(HARMLESS.map(|(major, minor)| Self::new(true, DeviceKind::Char, Some(major), minor, "rwm")));
        rules
    }

    /// Whether the rule is about every device and every use.
    pub(crate) fn is_total(&self) -> bool {
        self.kind == DeviceKind::All && (self.major, self.minor) == (None, None) && self.read && self.write && self.make
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
        write!(out, "{kind} {}:{} ", number(self.major), number(self.minor))?;
        for (letter, set) in [("r", self.read), ("w", self.write), ("m", self.make)] {
            if set {
                out.write_str(letter)?;
            }
        }
        Ok(())
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
