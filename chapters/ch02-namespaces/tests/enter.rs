//! Entering a process that runs: after it, the links of the one who entered are those of its target.

mod common;

use common::{Inmate, Links, Resident, become_user, link, status};
use namespaces::{Entered, Kind, Namespaces, Target, enter, enter_one_by_one};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, getpid};
use process::{Failure, Spawn};
use testkit::{Call, Need, judge, judge_refusal, kernel_test, require};

const READ: &str = "ch02-namespaces, \"Entering a running container\"";

/// A container's kinds in no useful order, as a caller may pass them.
const KINDS: [Kind; 6] = [Kind::Mount, Kind::Uts, Kind::Net, Kind::Cgroup, Kind::Ipc, Kind::User];

/// A process apart from us in `flags`, and with an empty `/proc` in its mount namespace.
fn target(flags: CloneFlags) -> Inmate {
    Inmate::new(|| {
        let user = flags.contains(CloneFlags::CLONE_NEWUSER);
        if user {
            become_user(1000);
        }
        unshare(flags).expect("unshare");
        if user {
            // The kernel lets a process map itself; the library's way is another exercise.
            for (file, text) in [("setgroups", "deny"), ("uid_map", "0 1000 1"), ("gid_map", "0 1000 1")] {
                std::fs::write(format!("/proc/self/{file}"), text).expect("a map");
            }
        }
        mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("mount on /proc");
        String::new()
    })
}

fn container() -> CloneFlags {
    KINDS.iter().filter(|kind| **kind != Kind::User).map(|kind| kind.clone_flag()).collect()
}

/// The kinds of [`KINDS`] in which the two differ.
fn apart(one: &Inmate, other: &Inmate) -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| one.link(*kind) != other.link(*kind)).map(Kind::oci_name).collect()
}

/// What went wrong, by the message.
fn cause(said: &str) -> String {
    if said.contains("ENOENT") || said.contains("os error 2") {
        "the mount namespace was joined while other files were still to be opened: in its /proc they do not exist"
            .into()
    } else if said.contains("join user namespace") && said.contains("EINVAL") {
        "the user namespace is ours already, and setns refuses that one (EINVAL): skip what is_ours()".into()
    } else if said.contains("EPERM") && !said.contains("join user namespace") {
        "a namespace was joined before the user namespace that gives the right to join it: user comes first".into()
    } else {
        "unknown".into()
    }
}

kernel_test! {
    /// A judge of the exercise `enter`.
    fn an_ordinary_user_enters_its_container(_host) {
        require(Need::UserNamespaces);
        let target = target(container() | CloneFlags::CLONE_NEWUSER);
        let pid = target.pid();
        let visitor = Inmate::new(|| {
            become_user(1000);
            let entered = Target::open(pid).and_then(|target| enter_one_by_one(&target, &KINDS));
            entered.map_or_else(|error| Failure::from(error).message, |_| "entered".into())
        });
        judge("entering a container with a user namespace, as its owner, user 1000")
            .expected("entered".to_owned())
            .seen(visitor.said().replace(&format!("/proc/{pid}/"), "/proc/PID/"))
            .cause(|said| cause(said))
            .read(READ);
        judge("the namespaces in which visitor and container differ")
            .expected(Vec::new())
            .seen(apart(&visitor, &target))
            .cause(|_| "not every namespace was joined".into())
            .read(READ);
    }

    /// A judge of the exercise `enter`.
    fn root_enters_a_container_that_shares_the_users(_host) {
        let target = target(container());
        let pid = target.pid();
        let visitor = Inmate::new(|| {
            let entered = Target::open(pid).and_then(|target| enter_one_by_one(&target, &KINDS));
            entered.map_or_else(|error| Failure::from(error).message, |_| "entered".into())
        });
        judge("entering a container without a user namespace, as root")
            .expected("entered".to_owned())
            .seen(visitor.said().replace(&format!("/proc/{pid}/"), "/proc/PID/"))
            .cause(|said| cause(said))
            .read(READ);
        judge("the namespaces in which visitor and container differ")
            .expected(Vec::new())
            .seen(apart(&visitor, &target))
            .cause(|_| "not every namespace was joined".into())
            .read(READ);
    }

    /// A judge of the exercise `enter`.
    fn no_refusal_is_lost(_host) {
        let target = target(container());
        let pid = target.pid();
        judge_refusal(Call("setns", libc::SYS_setns, None), READ, |refuse| {
            let target = Target::open(pid).expect("a target");
            refuse();
            enter_one_by_one(&target, &KINDS).map(drop).map_err(|error| Failure::from(error).message)
        });
    }

    fn one_call_enters_all(_host) {
        require(Need::Kernel(5, 8));
        let plan = Namespaces::docker_default().with_new(Kind::User).with_new(Kind::Time);
        let ids = "0:100000:65536".parse().expect("a map");
        let container = Resident::new(&plan, Some(&ids), || Ok(String::new()));
        let target = Target::open(container.pid()).expect("a target");
        let visitor = Inmate::new(|| {
            let entered = enter(&target, &Kind::ALL).expect("enter");
            assert!(entered.needs_fork(), "a pid namespace is among them");
            // A child made from here is inside the pid namespace too. It must be reaped before the container can end.
            let child = Spawn::new()
                .start(|gate| -> Result<_, Failure> {
                    gate.wait()?;
                    Ok(process::Program::new(&["sleep", "1000"], &["PATH=/usr/bin:/bin"])?.exec(gate)?)
                })
                .and_then(process::Pending::release)
                .expect("a child");
            let numbers = status(child.pid(), "NSpid").replace(&child.pid().to_string(), "PID");
            format!("{} {numbers}", link(child.pid(), "pid"))
        });
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Pid) {
            assert_eq!(visitor.link(kind), container.link(kind), "{kind}");
        }
        assert_eq!(visitor.link(Kind::Pid), link(getpid(), "pid"), "the visitor keeps its own pid");
        assert_eq!(visitor.said(), format!("{} PID 2", container.link(Kind::Pid)), "its child is the container's second");
    }

    fn what_is_ours_already_is_not_entered(_host) {
        let neighbour = Resident::new(&Namespaces::host().with_new(Kind::Uts), None, || Ok(String::new()));
        let target = Target::open(neighbour.pid()).expect("a target");
        let visitor = Inmate::new(|| format!("{:?}", enter(&target, &Kind::ALL)));
        assert_eq!(visitor.said(), format!("{:?}", Ok::<_, ()>(Entered { kinds: vec![Kind::Uts] })));
        let oneself = Target::open(getpid()).expect("a target");
        assert_eq!(enter(&oneself, &Kind::ALL).expect("nothing to do").kinds, []);
    }

    fn a_process_that_has_ended_cannot_be_entered(_host) {
        let failure = Failure::from(Target::open(Pid::from_raw(4_000_000)).expect_err("no such process"));
        insta::assert_snapshot!(format!("{}\n{}", failure.message, failure.hint.unwrap_or_default()), @r"
        open process 4000000: ESRCH: No such process
        the process has ended
        ");
    }

    fn a_stranger_is_not_let_in(_host) {
        let container = Resident::new(&Namespaces::docker_default(), None, || Ok(String::new()));
        let pid = container.pid();
        let visitor = Inmate::new(|| {
            become_user(1000);
            let failure = Target::open(pid).and_then(|target| enter(&target, &Kind::ALL)).map_err(Failure::from);
            let failure = failure.expect_err("not ours");
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        });
        insta::assert_snapshot!(visitor.said().replace(&format!("/proc/{pid}/"), "/proc/PID/"), @r"
        open user namespace /proc/PID/ns/user: Permission denied (os error 13)
        /proc/PID/ns may be read by those who may trace PID: the same user, or root
        ");
    }
}
