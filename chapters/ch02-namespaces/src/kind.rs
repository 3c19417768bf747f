//! The eight kinds of namespace, and the three names that each one goes by: a flag, a file in `/proc`, a word in an
//! OCI specification.

use std::fmt;

use nix::libc;
use nix::sched::CloneFlags;
use serde::{Deserialize, Serialize};

/// One kind of namespace (`namespaces(7)`).
///
/// The order is the order in which they are joined: `User` first, because it brings the rights that the others ask
/// for; `Mount` last, because it takes away the paths that the others were named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// User and group ids, capabilities, keys (`user_namespaces(7)`).
    User,
    /// What looks like the root of the cgroup tree (`cgroup_namespaces(7)`).
    Cgroup,
    /// System V IPC objects and POSIX message queues (`ipc_namespaces(7)`).
    Ipc,
    /// Host name and NIS domain name (`uts_namespaces(7)`).
    Uts,
    /// Network devices, addresses, routes, ports, firewall (`network_namespaces(7)`).
    #[serde(rename = "network")]
    Net,
    /// Process ids (`pid_namespaces(7)`).
    Pid,
    /// Offsets of the monotonic and boot-time clocks (`time_namespaces(7)`, Linux 5.6).
    Time,
    /// The mount tree (`mount_namespaces(7)`).
    Mount,
}

impl Kind {
    /// Every kind, in the order in which they are joined.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Cgroup, Self::Ipc, Self::Uts, Self::Net, Self::Pid, Self::Time, Self::Mount];

    // ANCHOR: clone_flag
    /// The bit that asks `clone3(2)`, `unshare(2)` or `setns(2)` for this kind.
    pub fn clone_flag(self) -> CloneFlags {
        match self {
            Self::User => CloneFlags::CLONE_NEWUSER,
            Self::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            Self::Ipc => CloneFlags::CLONE_NEWIPC,
            Self::Uts => CloneFlags::CLONE_NEWUTS,
            Self::Net => CloneFlags::CLONE_NEWNET,
            Self::Pid => CloneFlags::CLONE_NEWPID,
            // nix has no name for it: its value was a signal number's place in the old clone(2).
            Self::Time => CloneFlags::from_bits_retain(libc::CLONE_NEWTIME),
            // The first namespace ever (2002) was thought to be the only one: "NS", not "NEWMOUNT".
            Self::Mount => CloneFlags::CLONE_NEWNS,
        }
    }
    // ANCHOR_END: clone_flag

    /// The name of its file in `/proc/PID/ns/`.
    pub fn proc_name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Net => "net",
            Self::Pid => "pid",
            Self::Time => "time",
            Self::Mount => "mnt",
        }
    }

    /// The word for it in the OCI runtime specification (`linux.namespaces[].type`).
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::Net => "network",
            Self::Mount => "mount",
            same => same.proc_name(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.oci_name())
    }
}

/// Several kinds as people say them: `mount, uts, ipc`.
pub(crate) fn list(kinds: impl IntoIterator<Item = Kind>) -> String {
    kinds.into_iter().map(Kind::oci_name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_as_the_specification_calls_it() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.oci_name());
        }
        assert!(serde_json::from_str::<Kind>("\"mnt\"").is_err(), "the specification says mount");
    }

    #[test]
    fn the_order_of_the_enum_is_the_order_of_joining() {
        assert!(Kind::ALL.is_sorted());
        assert_eq!(Kind::ALL.first(), Some(&Kind::User));
        assert_eq!(Kind::ALL.last(), Some(&Kind::Mount));
    }
}
