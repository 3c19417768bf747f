//! Which devices a group may use: a list of rules, the last one that fits decides.

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

    /// Whether the rule is about every device and every use.
    pub(crate) fn is_total(&self) -> bool {
        self.kind == DeviceKind::All && (self.major, self.minor) == (None, None) && self.read && self.write && self.make
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
