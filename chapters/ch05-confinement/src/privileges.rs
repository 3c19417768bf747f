//! What a process may do, as the kernel says it: lines of `/proc/PID/status` (`proc_pid_status(5)`).

use serde::{Deserialize, Serialize};

use crate::capability::{Capabilities, CapabilitySets};

/// Whether system calls are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeccompMode {
    /// No.
    #[default]
    Disabled,
    /// `read`, `write`, `exit` and `sigreturn` are all there is.
    Strict,
    /// By programs.
    Filter,
}

/// The rights of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Privileges {
    /// All five sets.
    pub capabilities: CapabilitySets,
    /// `exec` gives nothing that was not there before.
    pub no_new_privileges: bool,
    /// Whether system calls are looked at.
    pub seccomp: SeccompMode,
    /// By how many programs; each may only forbid more.
    pub seccomp_filters: u32,
}

impl Privileges {
    /// Those that a `status` tells of. What it does not tell is nothing.
    pub fn of_status(status: &str) -> Self {
        let value = |key: &str| {
            status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim).unwrap_or_default()
        };
        let number = |key| value(key).parse::<u32>().unwrap_or(0);
        let set = |key| Capabilities::from_bits(u64::from_str_radix(value(key), 16).unwrap_or(0));
        Self {
            capabilities: CapabilitySets {
                bounding: set("CapBnd"),
                permitted: set("CapPrm"),
                effective: set("CapEff"),
                inheritable: set("CapInh"),
                ambient: set("CapAmb"),
            },
            no_new_privileges: number("NoNewPrivs") == 1,
            seccomp: match number("Seccomp") {
                0 => SeccompMode::Disabled,
                1 => SeccompMode::Strict,
                _ => SeccompMode::Filter,
            },
            seccomp_filters: number("Seccomp_filters"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_and_what_is_not_told_is_nothing() {
        let status = "Name:\tCapEff: x\nCapInh:\t0\nCapPrm:\t0000000000000021\nCapEff:\t0000000000000001\n\
                      CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";
        let seen = Privileges::of_status(status);
        assert_eq!(seen.capabilities.effective.names(), ["CAP_CHOWN"]);
        assert_eq!(seen.capabilities.permitted.names(), ["CAP_CHOWN", "CAP_KILL"]);
        assert_eq!(seen.capabilities.bounding, Capabilities::docker_default());
        assert_eq!((seen.no_new_privileges, seen.seccomp, seen.seccomp_filters), (true, SeccompMode::Filter, 3));
        assert_eq!(Privileges::of_status("nonsense"), Privileges::default());
    }
}
