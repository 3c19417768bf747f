//! Being in the group before the first instruction of one's own.

mod common;

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};

use cgroups::{Cgroup, Limits};
use common::{Bench, fork_child, is_member, wait_for_ever};
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, pipe};
use process::sys::exit_now;
use process::{Failure, Spawn};
use testkit::{Call, judge, kernel_test, refuse};

const READ: &str = "ch04-cgroups, \"In before it runs\"";

/// How the maker of [`nobody_runs_outside`] says what became of its child.
const NOT_STARTED: u8 = 3;
const INSIDE: u8 = 4;
const OUTSIDE: u8 = 5;

fn code(end: WaitStatus) -> u8 {
    match end {
        WaitStatus::Exited(_, code) => u8::try_from(code).unwrap_or(u8::MAX),
        _ => u8::MAX,
    }
}

fn limits() -> Limits {
    Limits { pids: 40.into(), ..Limits::default() }
}

/// How often a child is begun.
const FAMILIES: usize = 12;
/// The child and what it forked are in the group, its maker is not.
const ALL_RIGHT: [bool; 3] = [true, true, false];

/// Starts a child that forks at once, and says who is in the group then: it, its own child, and we.
fn begin_a_family(group: &Cgroup) -> [bool; 3] {
    let (hear, say) = pipe().expect("a pipe");
    let (hear, mut say) = (File::from(hear), File::from(say));
    let pending = group.start(Spawn::new(), |gate| -> Result<Infallible, Failure> {
        let grandchild = fork_child(|| wait_for_ever()).expect("fork");
        write!(say, "{grandchild:>9}").expect("a pipe");
        gate.wait()?;
        exit_now(0)
    });
    let pending = pending.unwrap_or_else(|failure| panic!("{failure}"));
    let mut number = String::new();
    hear.take(9).read_to_string(&mut number).expect("what the child says");
    let grandchild = Pid::from_raw(number.trim().parse().expect("a number"));
    [pending.pid(), grandchild, getpid()].map(|pid| is_member(group, pid))
}

kernel_test! {
    /// The child forks at once, as a hostile program would.
    fn all_that_a_child_starts_is_in_the_group(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        // On a busy machine the maker may come first now and then, and a child that is moved late looks like one in time.
        let begin = |_| begin_a_family(&group);
        let seen = (0..FAMILIES).map(begin).find(|seen| *seen != ALL_RIGHT).unwrap_or(ALL_RIGHT);
        judge("who is in the group: the child, what it forked at once, and we who made it")
            .expected(ALL_RIGHT)
            .seen(seen)
            .cause(|seen| match seen {
                [_, _, true] => {
                    "the maker moved itself into the group: the container's limits now hold for the engine too".into()
                }
                [true, false, _] => {
                    "the child was moved after it had begun to run: what it forked before stays outside, without limits".into()
                }
                [false, false, _] => "nobody was put into the group before the child began to run".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    /// A judge of the exercise `start`: a child that has to move itself, and cannot, must not run.
    fn nobody_runs_outside(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&limits());
        let maker = fork_child(|| {
            // That is how a process moves itself. What it reports goes through a socket.
            refuse(Call("write", nix::libc::SYS_write, None), Errno::EIO);
            let pending = group.start(Spawn::new(), |gate| -> Result<Infallible, Failure> {
                gate.wait()?;
                gate.done();
                wait_for_ever()
            });
            let child = pending.and_then(|pending| Ok(pending.release()?));
            exit_now(child.map_or(NOT_STARTED, |child| if is_member(&group, child.pid()) { INSIDE } else { OUTSIDE }))
        });
        let maker = maker.expect("fork");
        let end = waitpid(maker, None).expect("the maker's end");
        judge("whether a child that could not move itself is kept from running, or was born inside")
            .expected(true)
            .seen([NOT_STARTED, INSIDE].contains(&code(end)))
            .cause(|_| match code(end) {
                OUTSIDE => "its error was lost: the child runs outside of the group, without limits".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    fn a_process_that_enters_by_itself_is_in_every_tree(host) {
        let bench = Bench::new(host, &["pids", "memory"]);
        let group = Cgroup::create_with(&bench.layout, &bench.path("box"), &limits(), &["memory"]).expect("a group");
        let entrance = group.entrance().expect("the way in");
        let (hear, say) = pipe().expect("a pipe");
        let child = fork_child(move || {
            let outcome = entrance.enter().map_or_else(|error| error.to_string(), |()| "in".into());
            File::from(say).write_all(outcome.as_bytes()).expect("a pipe");
            wait_for_ever()
        });
        let mut said = [0; 2];
        File::from(hear).read_exact(&mut said).expect("what the child says");
        assert_eq!(&said, b"in");
        assert!(is_member(&group, child.expect("fork")));
    }

    fn a_process_that_is_added_is_in_every_tree(host) {
        let bench = Bench::new(host, &["pids", "memory"]);
        let group = Cgroup::create_with(&bench.layout, &bench.path("box"), &limits(), &["memory"]).expect("a group");
        let inmate = common::Inmate::idle(&group);
        assert!(is_member(&group, inmate.pid()));
    }
}
