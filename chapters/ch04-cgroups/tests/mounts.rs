//! What a container sees of its group, and may not change.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use cgroups::{Limits, cgroup_mounts, new_cgroup_namespace};
use common::{Bench, Inmate};
use nix::sched::{CloneFlags, unshare};
use rootfs::{Mount, Root, Rootfs};
use testkit::{Need, kernel_test, require};

fn mount(destination: &str, kind: &str) -> Mount {
    Mount { destination: destination.into(), kind: kind.into(), source: Some(kind.into()), ..Mount::default() }
}

kernel_test! {
    fn the_group_is_the_top_and_cannot_be_written(host) {
        require(Need::Busybox);
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&Limits { pids: 33.into(), ..Limits::default() });
        let mut mounts = vec![mount("/proc", "proc"), mount("/sys", "sysfs")];
        mounts.extend(cgroup_mounts(&bench.layout, Path::new("/sys/fs/cgroup"), true));
        let plan = Rootfs { mounts, ..Rootfs::default() };
        let root = host.rootfs();
        let pids = if bench.is_v2() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/pids" };
        let mut inmate = Inmate::new(&group, |say| {
            // After it is in its group: that is what becomes the top.
            new_cgroup_namespace().expect("a cgroup namespace");
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
            plan.prepare(Root::Directory(root)).and_then(rootfs::Prepared::pivot).expect("a root");
            let own = fs::read_to_string("/proc/self/cgroup").expect("proc");
            let own = own.lines().find(|line| line.contains(":pids:") || line.starts_with("0::") && pids.ends_with("cgroup"));
            let limit = fs::read_to_string(format!("{pids}/pids.max")).unwrap_or_else(|error| error.to_string());
            let kind = |outcome: Result<(), std::io::Error>| outcome.map_or_else(|error| error.kind().to_string(), |()| "done".into());
            writeln!(
                say,
                "{} | {} | {} | {} | {}",
                own.and_then(|line| line.rsplit(':').next()).unwrap_or("?"),
                limit.trim(),
                kind(fs::write(format!("{pids}/pids.max"), "max")),
                kind(fs::create_dir(format!("{pids}/below"))),
                kind(fs::create_dir("/sys/fs/cgroup/new")),
            )
            .expect("a pipe");
        });
        let refused = "read-only filesystem or storage medium";
        assert_eq!(inmate.line(), format!("/ | 33 | {refused} | {refused} | {refused}"));
    }
    /// Where a container is at the top of a tree, it sees the groups of all others, and who is in them.
    fn no_tree_shows_the_groups_of_the_host(host) {
        require(Need::Busybox);
        require(Need::CgroupV1("pids"));
        let bench = Bench::new(host, &[]);
        let group = bench.group(&Limits { pids: 33.into(), ..Limits::default() });
        let mut mounts = vec![mount("/proc", "proc"), mount("/sys", "sysfs")];
        mounts.extend(cgroup_mounts(&bench.layout, Path::new("/sys/fs/cgroup"), true));
        let plan = Rootfs { mounts, ..Rootfs::default() };
        let root = host.rootfs();
        let mut inmate = Inmate::new(&group, |say| {
            new_cgroup_namespace().expect("a cgroup namespace");
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
            plan.prepare(Root::Directory(root)).and_then(rootfs::Prepared::pivot).expect("a root");
            let trees = fs::read_dir("/sys/fs/cgroup").expect("the trees").flatten();
            let groups = |tree: &Path| {
                let entries = fs::read_dir(tree).expect("a tree").flatten();
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).count()
            };
            let foreign: Vec<_> = trees.map(|tree| tree.path()).filter(|tree| groups(tree) > 0).collect();
            writeln!(say, "{foreign:?}").expect("a pipe");
            common::wait_for_ever()
        });
        assert_eq!(inmate.line(), "[]", "trees with groups below the container's");
        let seen = fs::read_to_string(format!("/proc/{}/cgroup", inmate.pid())).expect("its groups");
        let cgroups::Layout::V1(trees, _) = &bench.layout else { panic!("v1 was required") };
        // Another mount namespace may have mounted more.
        let mounted = |line: &&str| trees.iter().any(|tree| line.split(':').nth(1) == Some(&tree.controllers.join(",")));
        let outside: Vec<&str> = seen.lines().filter(mounted).filter(|line| !line.ends_with("/box")).collect();
        assert!(seen.lines().filter(mounted).count() > 1, "{seen}");
        assert_eq!(outside, Vec::<&str>::new(), "trees whose group it has not joined");
    }
}
