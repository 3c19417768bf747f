//! Standing still, and going on.

mod common;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use cgroups::{Cgroup, Limits};
use common::{Bench, Inmate, fork_child};
use testkit::kernel_test;

/// Counts in a file, as fast as it can.
fn count_in(file: &Path) -> impl FnOnce(&mut File) {
    let file = File::create(file).expect("a file of the test");
    move |say| {
        for number in 0_u64.. {
            file.write_all_at(&number.to_ne_bytes(), 0).expect("a write");
            if number == 0 {
                writeln!(say, "go").expect("a pipe");
            }
        }
    }
}

fn count(file: &Path) -> u64 {
    let mut bytes = [0; 8];
    File::open(file).and_then(|file| file.read_exact_at(&mut bytes, 0)).expect("a counter");
    u64::from_ne_bytes(bytes)
}

/// Whether the counter moves while this process does as much work as it has done in some milliseconds.
fn moves(file: &Path) -> bool {
    let before = count(file);
    (0..2000).any(|_| {
        nix::sched::sched_yield().expect("sched_yield");
        count(file) != before
    })
}

/// Whether it moves sooner or later: on a busy machine its turn may take a while to come.
fn goes_on(file: &Path) -> bool {
    let (before, end) = (count(file), Instant::now() + Duration::from_secs(20));
    while count(file) == before {
        nix::sched::sched_yield().expect("sched_yield");
        if Instant::now() > end {
            return false;
        }
    }
    true
}

fn group(bench: &Bench) -> Cgroup {
    bench.group(&Limits { pids: 40.into(), ..Limits::default() })
}

kernel_test! {
    fn freeze_stops_a_counter_and_thaw_lets_it_go_on(host) {
        let bench = Bench::new(host, &["pids", "freezer"]);
        let group = group(&bench);
        let file = host.dir().join("counter");
        let mut counter = Inmate::new(&group, count_in(&file));
        counter.line();
        assert!(goes_on(&file), "the counter does not count");
        group.freeze().expect("freeze");
        assert!(!moves(&file), "freeze returned before the group stood still");
        group.freeze().expect("frozen already");
        group.thaw().expect("thaw");
        assert!(goes_on(&file), "nothing goes on after thaw");
        group.thaw().expect("thawed already");
    }

    fn children_are_frozen_too(host) {
        let bench = Bench::new(host, &["pids", "freezer"]);
        let group = group(&bench);
        let file = host.dir().join("counter");
        let grandchild = count_in(&file);
        let mut parent = Inmate::new(&group, |say| {
            fork_child(|| grandchild(say)).expect("fork");
            common::wait_for_ever()
        });
        parent.line();
        group.freeze().expect("freeze");
        assert!(!moves(&file), "the child of a frozen process runs");
        group.kill().expect("kill");
    }

    fn what_was_never_frozen_can_be_thawed(host) {
        let bench = Bench::new(host, &["pids", "freezer"]);
        group(&bench).thaw().expect("thaw");
    }
}
