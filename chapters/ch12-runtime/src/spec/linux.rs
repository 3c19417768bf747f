//! The `linux` part: <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md>.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cgroups::Limits;
use confinement::{MemoryPolicy, Personality, Seccomp};
use namespaces::{IdRange, Namespace, Offsets};
use rootfs::Device;
use serde::{Deserialize, Serialize};

use crate::net_devices::NetDevice;

/// Namespaces, limits, devices, filters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Linux {
    /// New ones, and ones to join; what is not listed is shared with the maker.
    pub namespaces: Vec<Namespace>,
    /// User ids inside and outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdRange>,
    /// Group ids inside and outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdRange>,
    /// Clock offsets of a time namespace.
    #[serde(skip_serializing_if = "is_default")]
    pub time_offsets: Offsets,
    /// Device nodes beyond the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Devices of the runtime's network that become the container's, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub net_devices: BTreeMap<String, NetDevice>,
    /// Where in the cgroup hierarchies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroups_path: String,
    /// Limits.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: Limits,
    /// Propagation of the root mount: "private", "rslave", …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rootfs_propagation: String,
    /// System call filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<Seccomp>,
    /// Which kernel the program believes to run on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personality: Option<Personality>,
    /// On which memory it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_policy: Option<MemoryPolicy>,
    /// Label of `SELinux` for what is mounted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mount_label: String,
    /// Kernel parameters of the new namespaces.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctl: BTreeMap<String, String>,
    /// Paths that show nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked_paths: Vec<PathBuf>,
    /// Paths that cannot be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readonly_paths: Vec<PathBuf>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
