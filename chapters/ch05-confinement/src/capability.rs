//! Root's power in 41 pieces, `capabilities(7)`.

use std::fmt;
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// By number, from `<linux/capability.h>`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What docker leaves to a container's root.
const DOCKER: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// Not a capability, or none that we can give.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CapabilityError {
    /// An unknown name.
    #[error("invalid capability: unknown capability {0:?}")]
    Unknown(String),
    /// One that we do not have ourselves.
    #[error("invalid capability: {0} is not available here")]
    Unavailable(Capability),
}

impl Diagnose for CapabilityError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Unknown(_) => FailureKind::Invalid,
            Self::Unavailable(_) => FailureKind::Denied,
        })
    }

    fn hint(&self) -> Option<String> {
        let wanted = match self {
            Self::Unknown(name) => bare(name),
            Self::Unavailable(_) => {
                return Some("nobody can give what they do not have: see CapBnd in /proc/self/status".into());
            }
        };
        let near: Vec<&str> = NAMES.iter().copied().filter(|name| resemble(&wanted, name)).collect();
        Some(if near.is_empty() {
            "names are those of capabilities(7), as NET_ADMIN; ALL is all of them".into()
        } else {
            format!("perhaps {}", near.join(" or "))
        })
    }
}

/// One is part of the other, or they are two strokes apart.
fn resemble(wanted: &str, name: &str) -> bool {
    wanted.len() > 2 && (name.contains(wanted) || wanted.contains(name) || distance(wanted, name) <= 2)
}

/// Characters to insert, delete or replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (left, b) in to.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[left + 1];
            row[left + 1] = change.min(row[left] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// `CAP_` and case do not matter.
fn bare(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map_or(upper.clone(), str::to_owned)
}

/// One capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(u8);

impl Capability {
    /// Its bit in the kernel's sets.
    pub fn bit(self) -> u64 {
        1 << self.0
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let wanted = bare(text);
        let place = NAMES.iter().position(|name| *name == wanted);
        place.and_then(|place| u8::try_from(place).ok()).map(Self).ok_or_else(|| CapabilityError::Unknown(text.into()))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CAP_{}", NAMES[usize::from(self.0)])
    }
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// How many there are in `capabilities(7)`.
    pub const KNOWN: usize = NAMES.len();

    /// The kernel's bits, of capabilities that came after us, too.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Docker's fourteen.
    pub fn docker_default() -> Self {
        DOCKER.iter().filter_map(|name| name.parse::<Capability>().ok()).collect()
    }

    /// None.
    pub fn empty() -> Self {
        Self::default()
    }

    /// All that this process can pass on: those of its bounding set. What the kernel does not know is not in it, and in a
    /// container, or a virtual machine that lacks some, it is smaller than the list in `capabilities(7)`.
    pub fn all() -> Self {
        let bounding = |capability: &Capability| {
            capability_is_in_bounding_set(CapabilitySet::from_bits_retain(capability.bit())).unwrap_or(false)
        };
        every().filter(bounding).collect()
    }

    /// With `add` and without `drop`, as docker reads them. A name given in both is added, unless all are.
    ///
    /// # Errors
    /// [`CapabilityError`].
    // ANCHOR: adjust
    pub fn adjust<S: AsRef<str>>(self, add: &[S], drop: &[S]) -> Result<Self, CapabilityError> {
        let (all_added, add) = parse(add)?;
        let (all_dropped, drop) = parse(drop)?;
        if let Some(missing) = add.iter().find(|capability| !Self::all().contains(*capability)) {
            return Err(CapabilityError::Unavailable(missing));
        }
        // ANCHOR: ex_adjust
        Ok(match (all_added, all_dropped) {
            (true, _) => Self(Self::all().0 & !drop.0),
            (false, true) => add,
            (false, false) => Self(self.0 & !drop.0 | add.0),
        })
        // ANCHOR_END: ex_adjust
    }
    // ANCHOR_END: adjust

    /// Whether `capability` is in it.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The members, by number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        every().filter(move |capability| self.contains(*capability))
    }

    /// `CAP_CHOWN` and so on.
    pub fn names(self) -> Vec<String> {
        self.iter().map(|capability| capability.to_string()).collect()
    }

    /// How many.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_none(&self) -> bool {
        self.is_empty()
    }

    /// The kernel's bits.
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// All that we have names for.
fn every() -> impl Iterator<Item = Capability> {
    (0..).take(NAMES.len()).map(Capability)
}

/// Whether `ALL` is among them, and the others.
fn parse<S: AsRef<str>>(names: &[S]) -> Result<(bool, Capabilities), CapabilityError> {
    // To docker, CAP_ALL is none.
    let all = |name: &str| name.eq_ignore_ascii_case("ALL");
    let single = names.iter().map(AsRef::as_ref).filter(|name| !all(name)).map(Capability::from_str);
    Ok((names.iter().any(|name| all(name.as_ref())), single.collect::<Result<_, _>>()?))
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(list: I) -> Self {
        Self(list.into_iter().fold(0, |bits, capability| bits | capability.bit()))
    }
}

/// A list of names, as in the OCI specification.
impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse::<Capability>()).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
    }
}

/// The five sets of a process: the OCI specification's `process.capabilities`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapabilitySets {
    /// What `exec` can ever give.
    pub bounding: Capabilities,
    /// What may be made effective.
    pub permitted: Capabilities,
    /// What counts now.
    pub effective: Capabilities,
    /// What a file's inheritable set can pass on: empty, or an unprivileged user inside gets it back (CVE-2022-24769).
    #[serde(skip_serializing_if = "Capabilities::is_none")]
    pub inheritable: Capabilities,
    /// What a program without file capabilities keeps.
    #[serde(skip_serializing_if = "Capabilities::is_none")]
    pub ambient: Capabilities,
}

impl CapabilitySets {
    /// As docker sets them: inheritable and ambient are empty.
    pub fn docker(capabilities: Capabilities) -> Self {
        Self { bounding: capabilities, permitted: capabilities, effective: capabilities, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_prefix() {
        let names = ["CHOWN", "CAP_CHOWN", "cap_chown", "chown"];
        assert!(names.iter().all(|name| name.parse() == Ok(Capability(0))));
        assert_eq!("BPF".parse::<Capability>().expect("a name").to_string(), "CAP_BPF");
    }

    #[test]
    fn all_and_none_are_dockers() {
        let base = Capabilities::docker_default();
        assert_eq!(base.len(), 14);
        assert_eq!(base.adjust(&["ALL"], &[]), Ok(Capabilities::all()));
        assert_eq!(base.adjust(&[], &["ALL"]), Ok(Capabilities::default()));
        assert_eq!(base.adjust(&["NET_ADMIN"], &["all"]).expect("names").names(), ["CAP_NET_ADMIN"]);
        let without = base.adjust(&[], &["CAP_CHOWN", "mknod"]).expect("names");
        assert_eq!(without.len(), 12);
        let both = base.adjust(&["CHOWN", "SYS_ADMIN"], &["CHOWN", "SYS_ADMIN"]).expect("names");
        assert_eq!(both.len(), 15);
        let all_but_one = base.adjust(&["ALL"], &["CHOWN"]).expect("names");
        assert_eq!(all_but_one.len(), Capabilities::all().len() - 1);
    }

    #[test]
    fn a_typing_error_gets_a_suggestion() {
        let error = Capabilities::default().adjust(&["ADMIN"], &[]).unwrap_err();
        insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap_or_default()), @r#"
        invalid capability: unknown capability "ADMIN"
        perhaps NET_ADMIN or SYS_ADMIN or MAC_ADMIN
        "#);
        let hint = |name: &str| name.parse::<Capability>().unwrap_err().hint().unwrap_or_default();
        assert_eq!(hint("CAP_NET_RWA"), "perhaps NET_RAW");
        assert_eq!(hint("frobnicate"), "names are those of capabilities(7), as NET_ADMIN; ALL is all of them");
    }

    #[test]
    fn the_specifications_json_is_read_and_written() {
        let names = ["CAP_CHOWN", "CAP_KILL"];
        let text = serde_json::json!({"bounding": names, "permitted": [], "effective": [], "ambient": ["CAP_KILL"]});
        let sets: CapabilitySets = serde_json::from_value(text.clone()).expect("sets");
        assert_eq!(sets.bounding.names(), names);
        assert_eq!(serde_json::to_value(sets).expect("JSON"), text);
        assert!(serde_json::from_value::<Capabilities>(serde_json::json!(["CAP_FLY"])).is_err());
    }
}
