//! Making and removing groups: nothing that was there is touched, nothing that is made stays.

mod common;

use std::fs;
use std::path::Path;

use cgroups::{Cgroup, Limits};
use common::{Bench, Inmate, fork_child, printed, wait_for_ever};
use nix::sys::signal::{Signal, kill};
use testkit::kernel_test;

fn limits() -> Limits {
    Limits { pids: 40.into(), ..Limits::default() }
}

kernel_test! {
    fn remove_leaves_nothing_and_may_be_repeated(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        assert_eq!(bench.directories(), bench.trees());
        fs::create_dir_all(group.paths()[0].join("one/two")).expect("groups below");
        group.remove().expect("remove");
        assert_eq!(bench.directories(), Vec::<String>::new());
        group.remove().expect("remove again");
    }

    /// Nobody removes it to make it anew, as is done with a group that a container has to itself.
    fn a_shared_group_is_made_once_whoever_comes_first(host) {
        let bench = Bench::new(host, &["pids"]);
        let groups: Vec<Cgroup> = std::thread::scope(|scope| {
            let comers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Cgroup::shared(&bench.layout, &bench.path("all")).expect("a group"))).collect();
            comers.into_iter().map(|comer| comer.join().expect("a thread")).collect()
        });
        for group in &groups {
            let mut inmate = Inmate::new(group, |say| {
                std::io::Write::write_all(say, b"in\n").expect("a pipe");
                wait_for_ever()
            });
            assert_eq!(inmate.line(), "in");
        }
        groups[0].remove().expect("it is empty again");
    }

    fn remove_waits_for_those_who_are_ending(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        let mut crowd = Inmate::new(&group, |say| {
            for _ in 0..20 {
                fork_child(|| wait_for_ever()).expect("fork");
            }
            std::io::Write::write_all(say, b"go\n").expect("a pipe");
            wait_for_ever()
        });
        crowd.line();
        for pid in group.procs().expect("a list") {
            kill(pid, Signal::SIGKILL).expect("kill");
        }
        group.remove().expect("remove");
        assert_eq!(bench.directories(), Vec::<String>::new());
    }

    fn a_group_in_use_is_not_removed(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        let _inmate = Inmate::idle(&group);
        let text = bench.anonymous(&printed(group.remove().expect_err("a process is in it")));
        assert!(text.starts_with("Error: remove ") && text.contains("CORNER/box: EBUSY"), "{text}");
        assert!(text.ends_with("hint: processes are still in it: end them first"), "{text}");
    }

    fn a_group_of_somebody_else_is_left_alone(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        let inmate = Inmate::idle(&group);
        let text = bench.anonymous(&printed(bench.try_group(&limits()).expect_err("the same path")));
        assert!(text.contains("CORNER/box exists already, and is in use"), "{text}");
        assert_eq!(group.procs().expect("a list"), [inmate.pid()]);
    }

    fn what_a_crash_left_is_made_anew(host) {
        let bench = Bench::new(host, &["pids"]);
        let old = bench.group(&limits());
        drop(old);
        let new = bench.group(&Limits { pids: 7.into(), ..Limits::default() });
        assert_eq!(bench.shown(&new, "pids.max", "pids.max"), "7");
    }

    fn an_abandoned_group_is_ended_and_removed(host) {
        let bench = Bench::new(host, &["pids"]);
        let mut inmate = Inmate::idle(&bench.group(&limits()));
        cgroups::remove_abandoned(&bench.path("box"));
        inmate.end();
        assert_eq!(bench.directories(), Vec::<String>::new());
    }

    fn a_group_can_be_opened_by_its_path(host) {
        let bench = Bench::new(host, &["pids"]);
        let inmate = Inmate::idle(&bench.group(&limits()));
        let group = Cgroup::open(&bench.layout, &bench.path("box")).expect("it exists");
        assert_eq!(group.procs().expect("a list"), [inmate.pid()]);
        assert_eq!(group.stats().pids.and_then(|pids| pids.limit), Some(40));
        group.update(&Limits { pids: 41.into(), ..Limits::default() }).expect("update");
        assert_eq!(bench.shown(&group, "pids.max", "pids.max"), "41");
    }

    fn paths_stay_below_the_top(host) {
        let bench = Bench::new(host, &[]);
        for path in ["", "/", "..", "/../x", "/mini-docker/../../x", "x/.."] {
            let error = Cgroup::create(&bench.layout, Path::new(path), &limits()).map(drop).expect_err("a wrong path");
            assert_eq!(
                printed(error),
                format!(
                    "Error: invalid control group path {path:?}\n\
                     hint: plain names below the top of the hierarchy, without '..'"
                )
            );
        }
    }

    fn a_missing_controller_is_named(host) {
        let bench = Bench::new(host, &[]);
        let limits = Limits { hugepage_limits: vec![cgroups::HugepageLimit { page_size: "2MB".into(), limit: 0 }], ..limits() };
        // Only a machine without the controller can show it.
        if let Err(error) = bench.try_group(&limits) {
            let place = if bench.is_v2() { "in " } else { "mounted on this machine" };
            let text = printed(error);
            assert!(text.contains(&format!("needs the hugetlb controller, which is not {place}")), "{text}");
            assert!(text.contains("hint: see what there is: cat /proc/cgroups"), "{text}");
            assert_eq!(bench.directories(), Vec::<String>::new(), "what was made is left behind");
        }
    }

    fn a_controller_that_a_parent_does_not_hand_down_is_named(host) {
        testkit::require(testkit::Need::CgroupV2("memory"));
        let bench = Bench::new(host, &[]);
        // A process in the parent: "no internal processes".
        let parent = bench.group(&Limits::default());
        let _inmate = Inmate::idle(&parent);
        let below = bench.path("box").join("below");
        // Threads can be counted on two levels at once, memory cannot.
        let limits = Limits { memory: cgroups::Memory { limit: Some(common::MIB), ..Default::default() }, ..limits() };
        let text = bench.anonymous(&printed(Cgroup::create(&bench.layout, &below, &limits).map(drop).expect_err("refused")));
        assert_eq!(
            text,
            "Error: hand controllers down from /sys/fs/cgroup/CORNER/box: it has processes of its own\n\
             hint: move these processes to a group below it first, as systemd does (cgroups(7), \"no internal processes\")"
        );
    }
}
