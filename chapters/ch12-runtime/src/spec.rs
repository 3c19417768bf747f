//! `config.json` as the OCI runtime specification writes it: the only description of a container below the engine.
//!
//! Field names and meanings: <https://github.com/opencontainers/runtime-spec/blob/main/config.md>. A part that is a
//! chapter's noun *is* that chapter's type: nothing is translated. What we do not apply has no field here, and a file that
//! asks for it is refused when it is read, not stripped of it.

mod bundle;
mod docker;
mod hooks;
mod linux;
mod unapplied;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use bundle::{Bundle, SpecError, read_bounded};

use crate::text::Text;

pub use cgroups::{
    BlockIo, Cpu, DeviceRule, HugepageLimit, Limits, Memory, Network, Pids, RdmaLimit, ThrottleDevice, WeightDevice,
};
pub use confinement::{
    Capabilities, CapabilitySets, ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Rlimit, Scheduler, Seccomp,
};
pub use hooks::{Hook, Hooks};
pub use linux::Linux;
pub use namespaces::{IdRange, Kind, Namespace, Offsets, TimeOffset};
pub use rootfs::{Device, Mount};

/// The version of the specification that we write.
pub const OCI_VERSION: &str = "1.3.0";

/// A whole `config.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Version of the specification that the writer followed.
    pub oci_version: String,
    /// What to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The root file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Host name inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// NIS domain name inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domainname: String,
    /// Mounts, in order.
    pub mounts: Vec<Mount>,
    /// Programs to be run at certain points of its life.
    #[serde(skip_serializing_if = "is_default")]
    pub hooks: Hooks,
    /// Free text for tools.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What only Linux has.
    pub linux: Linux,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The program and what it may do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Process {
    /// Give it a terminal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// Size of that terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_size: Option<ConsoleSize>,
    /// Who it runs as.
    pub user: User,
    /// Program and arguments.
    pub args: Vec<Text>,
    /// `NAME=value` entries.
    pub env: Vec<Text>,
    /// Working directory, absolute, inside.
    pub cwd: PathBuf,
    /// Capability sets; none at all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<CapabilitySets>,
    /// Resource limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rlimits: Vec<Rlimit>,
    /// Set `no_new_privs`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privileges: bool,
    /// `oom_score_adj` of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Profile of `AppArmor`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apparmor_profile: String,
    /// Label of `SELinux`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selinux_label: String,
    /// Who gets a processor first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<Scheduler>,
    /// Whose reads and writes go first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_priority: Option<IoPriority>,
    /// On which processors it begins, if it joins a container.
    #[serde(rename = "execCPUAffinity", skip_serializing_if = "Option::is_none")]
    pub exec_cpu_affinity: Option<ExecCpuAffinity>,
}

/// Rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConsoleSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// Numbers only: names were looked up by whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// User id inside.
    pub uid: u32,
    /// Group id inside.
    pub gid: u32,
    /// File mode creation mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Supplementary groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_gids: Vec<u32>,
}

/// The root file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Root {
    /// A directory; relative to the bundle.
    pub path: PathBuf,
    /// No writing to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
}
