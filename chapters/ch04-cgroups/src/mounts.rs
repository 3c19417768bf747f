//! What a container sees at `/sys/fs/cgroup`: the same layout as outside, from its own group down.

use std::path::Path;

use rootfs::Mount;

use crate::layout::Layout;

/// The mounts for `destination`, for a container in a cgroup namespace of its own.
///
/// Read-only is not only tidiness: whoever can write `release_agent` of a v1 tree runs a program on the host
/// (CVE-2022-0492).
pub fn cgroup_mounts(layout: &Layout, destination: &Path, read_only: bool) -> Vec<Mount> {
    let mount = |destination: &Path, kind: &str, extra: &[&str]| Mount {
        destination: destination.into(),
        kind: kind.into(),
        source: Some(kind.into()),
        options: ["nosuid", "noexec", "nodev", if read_only { "ro" } else { "rw" }]
            .iter()
            .chain(extra)
            .map(|option| (*option).to_owned())
            .collect(),
    };
    let Layout::V1(hierarchies, _) = layout else { return vec![mount(destination, "cgroup2", &[])] };
    let mut mounts = vec![mount(destination, "tmpfs", &["mode=755"])];
    for hierarchy in hierarchies {
        let name = hierarchy.mount.file_name().unwrap_or(hierarchy.mount.as_os_str());
        let controllers: Vec<&str> = hierarchy.controllers.iter().map(String::as_str).collect();
        mounts.push(mount(&destination.join(name), "cgroup", &controllers));
    }
    mounts
}
