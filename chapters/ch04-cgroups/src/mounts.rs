//! What a container sees at `/sys/fs/cgroup`: the same layout as outside, from its own group down.

use std::path::Path;

use rootfs::Mount;

use crate::layout::Layout;

/// The mounts for `destination`, for a container in a cgroup namespace of its own.
///
/// Read-only is not only tidiness: whoever can write `release_agent` of a v1 tree runs a program on the host
/// (CVE-2022-0492), and whoever can write a limit has none.
// ANCHOR: cgroup_mounts
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
        ..Mount::default()
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
// ANCHOR_END: cgroup_mounts

/// The same for a container that shares the host's cgroup namespace, where a v1 tree would show all groups of the host: the
/// directories of its own group, bound. On v2 nothing is hidden, as in runc.
pub fn group_mounts(layout: &Layout, destination: &Path, read_only: bool, group: &Path) -> Vec<Mount> {
    let mut mounts = cgroup_mounts(layout, destination, read_only);
    let group = group.strip_prefix("/").unwrap_or(group);
    let trees = layout.v1_trees().iter().map(|tree| tree.mount.join(group));
    // The first is what the others are mounted in.
    for (mount, source) in mounts.iter_mut().skip(1).zip(trees) {
        mount.kind = "bind".into();
        mount.source = Some(source);
        mount.options.truncate(4);
        mount.options.push("bind".into());
    }
    mounts
}

/// Docker's entry for it in a specification; which mounts come of it depends on the machine.
pub fn docker_mount() -> Mount {
    Mount {
        destination: "/sys/fs/cgroup".into(),
        kind: "cgroup".into(),
        source: Some("cgroup".into()),
        options: ["ro", "nosuid", "noexec", "nodev"].map(str::to_owned).into(),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(layout: &str) -> String {
        let layout = Layout::parse(layout).expect("a mount table");
        let line =
            |mount: &Mount| format!("{} {} {}", mount.destination.display(), mount.kind, mount.options.join(","));
        cgroup_mounts(&layout, Path::new("/sys/fs/cgroup"), true).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_a_container_gets_on_v1() {
        insta::assert_snapshot!(table(
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
             36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n\
             40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        ));
    }

    #[test]
    fn a_container_among_the_hosts_groups_sees_its_own() {
        let layout = Layout::parse(
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
             40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n",
        );
        let mounts = group_mounts(&layout.expect("v1"), Path::new("/sys/fs/cgroup"), true, Path::new("/a/b"));
        let seen: Vec<String> = mounts
            .iter()
            .map(|mount| format!("{} {:?} {}", mount.kind, mount.source, mount.options.join(",")))
            .collect();
        insta::assert_snapshot!(seen.join("\n"), @r#"
        tmpfs Some("tmpfs") nosuid,noexec,nodev,ro,mode=755
        bind Some("/sys/fs/cgroup/cpu,cpuacct/a/b") nosuid,noexec,nodev,ro,bind
        bind Some("/sys/fs/cgroup/systemd/a/b") nosuid,noexec,nodev,ro,bind
        "#);
    }

    #[test]
    fn what_a_container_gets_on_v2() {
        insta::assert_snapshot!(table("41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"));
    }
}
