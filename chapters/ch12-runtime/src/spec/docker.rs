//! What docker gives every container: each chapter's part, put together.

use cgroups::{DeviceRule, Limits};
use confinement::{Capabilities, CapabilitySets, SeccompProfile};
use namespaces::Namespace;
use process::DEFAULT_PATH;

use super::{Linux, OCI_VERSION, Process, Root, Spec, User};

impl Spec {
    /// Docker's defaults for a root user: all but the program, the host name, and the files in `/etc` that an engine
    /// makes for each container.
    pub fn docker_default() -> Self {
        let capabilities = Capabilities::docker_default();
        let mut spec = Self::docker_unfiltered(capabilities);
        spec.linux.seccomp = Some(SeccompProfile::docker_default().resolve(&capabilities));
        spec
    }

    /// The same with other capabilities, and without the filter: that depends on them, and an engine has resolved it
    /// already.
    pub fn docker_unfiltered(capabilities: Capabilities) -> Self {
        let mut mounts = rootfs::defaults::mounts();
        let after_sysfs = mounts.iter().position(|mount| mount.kind == "sysfs").map_or(mounts.len(), |sys| sys + 1);
        mounts.insert(after_sysfs, cgroups::docker_mount());
        Self {
            oci_version: OCI_VERSION.into(),
            process: Some(Process {
                user: User { umask: Some(0o022), ..User::default() },
                env: vec![format!("PATH={DEFAULT_PATH}").into()],
                cwd: "/".into(),
                capabilities: Some(CapabilitySets::docker(capabilities)),
                ..Process::default()
            }),
            root: Some(Root { path: "rootfs".into(), readonly: false }),
            mounts,
            linux: Linux {
                namespaces: Namespace::docker_default(),
                resources: Limits { devices: vec![DeviceRule::all(false)], ..Limits::default() },
                // In a network namespace of its own a container may ping, and bind low ports, without being root.
                sysctl: [("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")]
                    .map(|(name, value)| (format!("net.ipv4.{name}"), value.into()))
                    .into(),
                masked_paths: rootfs::defaults::masked_paths(),
                readonly_paths: rootfs::defaults::readonly_paths(),
                ..Linux::default()
            },
            ..Self::default()
        }
    }
}
