//! Ending all that is in a group, whatever it does meanwhile.

mod common;

use std::fs::{self, File};
use std::io::Write;

use cgroups::{Cgroup, Limits};
use common::{Bench, Inmate, fork_child, wait_for_ever};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::WaitStatus;
use testkit::{Host, kernel_test};

/// Forks and forks. Children that end are reaped by the kernel, so that there is always room for more.
#[allow(unsafe_code, reason = "SIG_IGN is no function")]
fn bomb(say: &mut File) {
    // SAFETY: sigaction(2), with a disposition that runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("sigaction");
    writeln!(say, "go").expect("a pipe");
    loop {
        // Refused at the limit, and then tried again.
        let _ = fork_child(|| {
            loop {
                let _ = fork_child(|| {});
            }
        });
    }
}

/// A group with two bombs and a group below with a third process.
fn crowd(host: &Host) -> (Bench, Cgroup, Vec<Inmate>) {
    let bench = Bench::new(host, &["pids", "freezer"]);
    let group = bench.group(&Limits { pids: 40.into(), ..Limits::default() });
    let nested = group.paths()[0].join("nested");
    fs::create_dir(&nested).expect("a nested group");
    let mut inmates = vec![Inmate::idle(&group), Inmate::new(&group, bomb), Inmate::new(&group, bomb)];
    fs::write(nested.join("cgroup.procs"), inmates[0].pid().to_string()).expect("a process moved down");
    assert_eq!((inmates[1].line(), inmates[2].line()), ("go".into(), "go".into()));
    assert!(group.procs().expect("a list").contains(&inmates[0].pid()), "the group below was not looked at");
    (bench, group, inmates)
}

fn all_ended(inmates: &mut [Inmate]) -> bool {
    inmates.iter_mut().all(|inmate| matches!(inmate.end(), WaitStatus::Signaled(_, Signal::SIGKILL, _)))
}

kernel_test! {
    fn kill_empties_nested_groups_and_fork_bombs(host) {
        let (bench, group, mut inmates) = crowd(host);
        group.kill().expect("kill");
        assert_eq!(group.procs().expect("a list"), []);
        assert!(all_ended(&mut inmates));
        group.remove().expect("remove");
        assert_eq!(bench.directories(), Vec::<String>::new());
    }

    fn kill_one_by_one_empties_them_too(host) {
        let (bench, group, mut inmates) = crowd(host);
        group.kill_one_by_one().expect("kill");
        assert_eq!(group.procs().expect("a list"), []);
        assert!(all_ended(&mut inmates));
        group.remove().expect("remove");
        assert_eq!(bench.directories(), Vec::<String>::new());
    }

    fn a_frozen_group_can_be_killed(host) {
        let bench = Bench::new(host, &["pids", "freezer"]);
        let group = bench.group(&Limits { pids: 40.into(), ..Limits::default() });
        let mut inmate = Inmate::new(&group, |_| wait_for_ever());
        group.freeze().expect("freeze");
        group.kill().expect("kill");
        assert!(matches!(inmate.end(), WaitStatus::Signaled(_, Signal::SIGKILL, _)));
    }

    fn a_group_that_was_frozen_from_within_can_be_killed(host) {
        let bench = Bench::new(host, &["pids", "freezer"]);
        let group = bench.group(&Limits { pids: 40.into(), ..Limits::default() });
        let (tree, file, frozen) = if bench.is_v2() {
            (0, "cgroup.freeze", "1")
        } else {
            let of_freezer = |path: &std::path::PathBuf| path.join("freezer.state").exists();
            (group.paths().iter().position(of_freezer).expect("the freezer's tree"), "freezer.state", "FROZEN")
        };
        let mut inmate = Inmate::idle(&group);
        let nested = group.paths()[tree].join("nested/deeper");
        fs::create_dir_all(&nested).expect("nested groups");
        fs::write(nested.join("cgroup.procs"), inmate.pid().to_string()).expect("a process moved down");
        fs::write(nested.join(file), frozen).expect("freeze");
        group.kill().expect("kill");
        assert!(matches!(inmate.end(), WaitStatus::Signaled(_, Signal::SIGKILL, _)));
        group.remove().expect("remove");
    }

    fn killing_nobody_is_fine(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&Limits { pids: 40.into(), ..Limits::default() });
        group.kill().expect("an empty group");
        group.remove().expect("remove");
        group.kill().expect("no group at all");
    }
}
