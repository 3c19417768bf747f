//! Root's power in 41 pieces, `capabilities(7)`.

use std::fmt;
use std::fs;
use std::str::FromStr;

use process::Diagnose;
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

/// Not a capability.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid capability: unknown capability {0:?}")]
pub struct CapabilityError(String);

impl Diagnose for CapabilityError {
    fn hint(&self) -> Option<String> {
        let wanted = bare(&self.0);
        let near: Vec<&str> = NAMES
            .iter()
            .copied()
            .filter(|name| wanted.len() > 2 && (name.contains(wanted.as_str()) || wanted.contains(name)))
            .collect();
        Some(if near.is_empty() {
            "names are those of capabilities(7), as NET_ADMIN; ALL is all of them".into()
        } else {
            format!("perhaps {}", near.join(" or "))
        })
    }
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
        place.and_then(|place| u8::try_from(place).ok()).map(Self).ok_or_else(|| CapabilityError(text.into()))
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
    /// Docker's fourteen.
    pub fn docker_default() -> Self {
        DOCKER.iter().filter_map(|name| name.parse::<Capability>().ok()).collect()
    }

    /// All that this kernel knows.
    pub fn all() -> Self {
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap");
        let last: usize = last.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(NAMES.len() - 1);
        (0..=40).filter(|number| usize::from(*number) <= last).map(Capability).collect()
    }

    /// With `add` and without `drop`, as docker reads them: `ALL` in either is all of them, and a name given in both is
    /// dropped.
    ///
    /// # Errors
    /// [`CapabilityError`].
    pub fn adjust<S: AsRef<str>>(self, add: &[S], drop: &[S]) -> Result<Self, CapabilityError> {
        let (all_added, add) = parse(add)?;
        let (all_dropped, drop) = parse(drop)?;
        let base = match (all_added, all_dropped) {
            (true, _) => Self::all(),
            (false, true) => Self::default(),
            (false, false) => self,
        };
        Ok(Self((base.0 | add.0) & !drop.0))
    }

    /// Whether `capability` is in it.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The members, by number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..=40).map(Capability).filter(move |capability| self.contains(*capability))
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

    /// The kernel's bits.
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// Whether `ALL` is among them, and the others.
fn parse<S: AsRef<str>>(names: &[S]) -> Result<(bool, Capabilities), CapabilityError> {
    let all = |name: &str| bare(name) == "ALL";
    let single = names.iter().map(AsRef::as_ref).filter(|name| !all(name)).map(Capability::from_str);
    Ok((names.iter().any(|name| all(name.as_ref())), single.collect::<Result<_, _>>()?))
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(list: I) -> Self {
        Self(list.into_iter().fold(0, |bits, capability| bits | capability.bit()))
    }
}

/// The five sets of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilitySets {
    /// What `exec` can ever give.
    pub bounding: Capabilities,
    /// What may be made effective.
    pub permitted: Capabilities,
    /// What counts now.
    pub effective: Capabilities,
    /// What a file's inheritable set can pass on: empty, or an unprivileged user inside gets it back (CVE-2022-24769).
    pub inheritable: Capabilities,
    /// What a program without file capabilities keeps.
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
        let without = base.adjust(&["SYS_ADMIN"], &["SYS_ADMIN", "CHOWN"]).expect("names");
        assert_eq!(without.len(), 13);
    }

    #[test]
    fn a_typing_error_gets_a_suggestion() {
        let error = Capabilities::default().adjust(&["ADMIN"], &[]).unwrap_err();
        insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap_or_default()), @r#"
        invalid capability: unknown capability "ADMIN"
        perhaps NET_ADMIN or SYS_ADMIN or MAC_ADMIN
        "#);
    }
}
