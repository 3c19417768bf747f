//! What docker gives every container: mounts, masks, devices, kernel parameters.

use std::path::PathBuf;

use runtime::spec::Mount;

/// The file systems, in the order in which they are mounted. With `writable`, as for `--privileged`, `/sys` and the
/// cgroups can be written.
pub(crate) fn mounts(writable: bool) -> Vec<Mount> {
    let mut mounts = rootfs::defaults::mounts();
    let access = if writable { "rw" } else { "ro" };
    for mount in &mut mounts {
        for option in mount.options.iter_mut().filter(|option| *option == "ro") {
            access.clone_into(option);
        }
    }
    let sys = mounts.iter().position(|mount| mount.kind == "sysfs").unwrap_or(mounts.len() - 1);
    let cgroups = Mount {
        destination: "/sys/fs/cgroup".into(),
        kind: "cgroup".into(),
        source: Some("cgroup".into()),
        options: [access, "nosuid", "noexec", "nodev"].map(str::to_owned).into(),
    };
    mounts.insert(sys + 1, cgroups);
    mounts
}

/// A file of ours in place of one of the image's.
pub(crate) fn bind_file(source: PathBuf, destination: &str) -> Mount {
    Mount {
        destination: destination.into(),
        kind: "bind".into(),
        source: Some(source),
        options: vec!["bind".into(), "rprivate".into()],
    }
}

/// In a network namespace of its own a container may ping, and bind low ports, without being root.
pub(crate) fn network_sysctls() -> [(String, String); 2] {
    [
        ("net.ipv4.ip_unprivileged_port_start".into(), "0".into()),
        ("net.ipv4.ping_group_range".into(), "0 2147483647".into()),
    ]
}
