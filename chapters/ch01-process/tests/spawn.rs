//! Between clone and exec: the gate, the channel, and how a failure inside reaches the parent.
mod common;

use std::convert::Infallible;
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;

use common::{as_printed_error, children_of, descriptors, program, shell, sleeps_in, stat, until};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use process::{Child, Diagnose, Failure, FailureKind, Pending, Spawn, SpawnError, relay, sys};
use testkit::{judge, kernel_test};

const GATE: &str = "ch01-process, \"The gate\"";
const CHANNEL: &str = "ch01-process, \"How exec announces itself\"";

/// A child that waits at its gate and then becomes `sleep`.
fn sleeper(spawn: Spawn) -> Pending {
    spawn
        .start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            Ok(program(&["/bin/sleep", "1000"]).exec(gate)?)
        })
        .expect("a child at its gate")
}

/// How `release` ends when the child fails with this message.
fn release_of_failing(message: &str) -> Result<Child, SpawnError> {
    let failure = Failure { message: message.into(), hint: Some("a cure".into()), kind: FailureKind::CannotExecute };
    Spawn::new()
        .start(|gate| -> Result<Infallible, Failure> {
            gate.wait()?;
            Err(failure)
        })
        .expect("a child at its gate")
        .release()
}

fn executable(pid: Pid) -> String {
    fs::read_link(format!("/proc/{pid}/exe")).map(|path| path.display().to_string()).unwrap_or_default()
}

fn namespace(pid: Pid, kind: &str) -> String {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("procfs").display().to_string()
}

fn sockets(pid: Pid) -> usize {
    descriptors(pid).iter().filter(|(_, target)| target.starts_with("socket:")).count()
}

/// The end of a process that is not our [`Child`]: an orphan that has come to us.
fn end_of_orphan(pid: Pid) -> WaitStatus {
    waitpid(pid, None).expect("an orphan's end")
}

kernel_test! {
    /// The child is a copy that waits; after `release` it is its program.
    fn a_child_waits_at_its_gate(_host) {
        let pending = sleeper(Spawn::new());
        until("the child waits for the parent", || sleeps_in(pending.pid()) == "recvmsg");
        assert_eq!(executable(pending.pid()), executable(Pid::this()));
        // It is slow to go on: stopped, until somebody has seen its parent wait.
        let pid = pending.pid();
        kill(pid, Signal::SIGSTOP).expect("a signal");
        until("the child is stopped", || stat(pid, 3) == "T");
        let _waker = Spawn::new().start(|_| -> Result<Infallible, Failure> {
            until("the parent waits for the child", || sleeps_in(Pid::from_raw(1)) == "recvmsg");
            kill(pid, Signal::SIGCONT).expect("a signal");
            sys::exit_now(0)
        });
        let child = pending.release().expect("the child becomes sleep");
        judge("whether the child is its program once release() has returned")
            .expected(true)
            .seen(executable(child.pid()) != executable(Pid::this()))
            .cause(|_| "release() did not wait for the end of the channel, which is how exec announces itself".into())
            .read(GATE);
    }

    /// The parent hears of the end: SIGCHLD is the exit signal.
    fn the_exit_signal_is_sigchld(_host) {
        let pending = sleeper(Spawn::new());
        judge("the signal that the parent gets when the child ends (field 38 of /proc/PID/stat)")
            .expected("17".to_owned())
            .seen(stat(pending.pid(), 38))
            .cause(|seen| match seen.as_str() {
                "0" => "clone3 got no exit signal: wait(2) does not even see such a child".into(),
                _ => "clone3 got another exit signal than SIGCHLD".into(),
            })
            .read("ch01-process, \"One call makes a process\"");
    }

    /// The flags given are the namespaces that are new, and no others are.
    fn the_child_has_the_namespaces_asked_for(_host) {
        let pending = sleeper(Spawn::new().namespaces(CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC));
        let kinds = ["uts", "ipc", "mnt", "net", "pid", "user"];
        let differs = kinds.map(|kind| (kind, namespace(pending.pid(), kind) != namespace(Pid::this(), kind)));
        judge("which namespaces of the child are new")
            .expected([("uts", true), ("ipc", true), ("mnt", false), ("net", false), ("pid", false), ("user", false)])
            .seen(differs)
            .cause(|seen| {
                if seen.iter().any(|(_, new)| *new) {
                    "clone3 got other flags than those asked for".into()
                } else {
                    "the flags did not reach clone3: the child shares every namespace with its parent".into()
                }
            })
            .read("ch01-process, \"One call makes a process\"");
    }

    /// A copied descriptor keeps a channel open: each process drops the end that is not its own.
    fn each_side_holds_one_end_of_the_channel(_host) {
        let pending = sleeper(Spawn::new());
        until("the child waits for the parent", || sleeps_in(pending.pid()) == "recvmsg");
        judge("how many ends of the channel (parent, child) hold")
            .expected((1, 1))
            .seen((sockets(Pid::this()), sockets(pending.pid())))
            .cause(|seen| match seen {
                (2, _) => "the parent keeps a copy of the child's end: \
                           it will never see that end close, and release() waits for ever"
                    .into(),
                (_, 2) => "the child keeps a copy of the parent's end: \
                           it will never notice that the parent has gone"
                    .into(),
                _ => "unknown".into(),
            })
            .read(CHANNEL);
    }

    /// A child that cannot become its program does not simply end: its failure is reported, and names its exit status.
    fn a_failure_ends_the_child_with_its_code(_host) {
        let failure = Failure { message: "it failed".into(), hint: None, kind: FailureKind::CannotExecute };
        let pending = Spawn::new().start(|_| -> Result<Infallible, Failure> { Err(failure) }).expect("a child");
        // Left to be reaped by its owner.
        let end = waitid(Id::PIDFd(pending.pidfd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("its end");
        judge("the end of a child that has failed with exit code 126")
            .expected(WaitStatus::Exited(pending.pid(), 126))
            .seen(end)
            .cause(|_| {
                "the child ended without become_program: what its closure returned is lost, and nobody hears of it"
                    .into()
            })
            .read(CHANNEL);
    }

    /// What goes wrong between clone and exec is an error of `release`, with its exit code and hint.
    fn a_failure_inside_comes_back(_host) {
        let seen = release_of_failing("mount /proc: permission denied");
        let seen = seen.map(|child| child.pid().as_raw()).map_err(|error| (error.to_string(), Failure::from(error).exit_code()));
        judge("what release() returns when the child could not become its program")
            .expected(Err(("mount /proc: permission denied".to_owned(), 126)))
            .seen(seen)
            .cause(|seen| match seen {
                Ok(_) => "the child's report was not looked at: a message that begins with FAILED is a failure".into(),
                Err(_) => "unknown".into(),
            })
            .read(CHANNEL);
        let error = release_of_failing("it failed").expect_err("a failure");
        assert_eq!(error.hint().as_deref(), Some("a cure"));
    }

    /// The end of the channel, without a word, is success.
    fn an_exec_that_succeeds_is_a_success(_host) {
        let seen = sleeper(Spawn::new()).release().map(|_| "a running child").map_err(|error| error.to_string());
        judge("what release() returns when the child has become its program")
            .expected(Ok("a running child"))
            .seen(seen)
            .cause(|_| {
                "the end of the channel was taken for a failure: exec closes it, so the end is the good news".into()
            })
            .read(CHANNEL);
    }

    /// A child that fails before it ever looks at the gate is heard all the same.
    fn a_failure_before_the_gate_comes_back(_host) {
        let failure = Failure { message: "too early".into(), hint: None, kind: FailureKind::System };
        let pending = Spawn::new().start(|_| -> Result<Infallible, Failure> { Err(failure) }).expect("a child");
        until("the child has ended", || stat(pending.pid(), 3) == "Z");
        assert_eq!(pending.release().expect_err("a failure").to_string(), "too early");
    }

    /// The parent's word reached it, and it failed without having looked: the kernel tells of the lost word first.
    fn a_failure_that_crosses_the_parents_word_comes_back(_host) {
        let parent = Spawn::new()
            .start(|_| -> Result<Infallible, Failure> {
                let failure = Failure { message: "too early".into(), hint: None, kind: FailureKind::System };
                let pending = Spawn::new().start(|_| -> Result<Infallible, Failure> {
                    kill(Pid::this(), Signal::SIGSTOP).expect("a signal");
                    Err(failure)
                })?;
                sys::exit_now(if pending.release().is_err() { 3 } else { 4 })
            })
            .expect("a child");
        let pid = parent.pid();
        until("the grandchild is stopped", || children_of(pid).first().is_some_and(|pid| stat(*pid, 3) == "T"));
        let grandchild = children_of(pid)[0];
        until("the parent has sent its word", || sleeps_in(pid) == "recvmsg");
        kill(pid, Signal::SIGSTOP).expect("a signal");
        until("the parent is stopped", || stat(pid, 3) == "T");
        kill(grandchild, Signal::SIGCONT).expect("a signal");
        until("the grandchild has ended", || stat(grandchild, 3) == "Z");
        kill(pid, Signal::SIGCONT).expect("a signal");
        let end = waitid(Id::PIDFd(parent.pidfd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("its end");
        assert_eq!(end, WaitStatus::Exited(pid, 3), "3: release() gave the failure");
    }

    /// A panic does not unwind into the parent's code: it is a failure like any other.
    fn a_panic_between_clone_and_exec_is_reported(_host) {
        let pending = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
            gate.wait()?;
            panic!("index {} is out of bounds", 7)
        });
        let error = pending.expect("a child at its gate").release().expect_err("a panic");
        insta::assert_snapshot!("panic_in_the_child", as_printed_error(error));
    }

    /// A report longer than a message is cut, not lost.
    fn a_long_failure_is_shortened(_host) {
        let long = format!("begin {}", "\u{1}…".repeat(50_000));
        let error = release_of_failing(&long).expect_err("a failure");
        assert!(error.to_string().starts_with("begin \u{1}…"), "{error}");
        assert_eq!(Failure::from(error).exit_code(), 126);
    }

    /// A descriptor sent through the gate arrives, whatever comes after it.
    fn a_descriptor_comes_back_through_the_channel(_host) {
        let with_descriptor = |then_fail: bool| {
            Spawn::new()
                .start(move |gate| -> Result<_, Failure> {
                    gate.wait()?;
                    let (reader, writer) = process::relay::pipe().expect("a pipe");
                    nix::unistd::write(&writer, b"from inside").expect("room in a pipe");
                    gate.send_fd(reader.as_fd())?;
                    if then_fail {
                        return Err(Failure { message: "failed after sending".into(), hint: None, kind: FailureKind::System });
                    }
                    Ok(shell("exit 0").exec(gate)?)
                })
                .expect("a child at its gate")
                .release()
        };
        let mut child = with_descriptor(false).expect("a child");
        let text = child.take_fd().map(|reader| {
            let mut text = String::new();
            fs::File::from(reader).read_to_string(&mut text).expect("the pipe's contents");
            text
        });
        judge("what comes out of the pipe that the child sent")
            .expected(Some("from inside".to_owned()))
            .seen(text)
            .cause(|seen| match seen {
                None => "the message with the descriptor was dropped: keep it in the child for take_fd()".into(),
                Some(_) => "unknown".into(),
            })
            .read(CHANNEL);
        drop(child);
        judge("what release() returns when the child fails after it has sent a descriptor")
            .expected(Err("failed after sending".to_owned()))
            .seen(with_descriptor(true).map(|child| child.pid().as_raw()).map_err(|error| error.to_string()))
            .cause(|seen| match seen {
                Ok(_) => {
                    "the report after the descriptor was not heard: only a report, or the end of the channel, ends release()"
                        .into()
                }
                Err(_) => "unknown".into(),
            })
            .read(CHANNEL);
    }

    /// A parent that dies takes the child at its gate with it: half a container would be left otherwise.
    fn a_child_whose_parent_dies_at_the_gate_ends(_host) {
        let parent = Spawn::new()
            .start(|gate| -> Result<Infallible, Failure> {
                let grandchild = sleeper(Spawn::new());
                gate.wait()?;
                drop(grandchild);
                sys::exit_now(0)
            })
            .expect("a child");
        until("the grandchild waits at its gate", || {
            children_of(parent.pid()).first().is_some_and(|pid| sleeps_in(*pid) == "recvmsg")
        });
        let grandchild = children_of(parent.pid())[0];
        // SIGKILL: no destructor of the parent runs.
        drop(parent);
        assert_eq!(end_of_orphan(grandchild), WaitStatus::Exited(grandchild, 125));
    }

    /// One whose parent died later, before it asked to be killed with it, hears of that from the channel alone.
    fn a_child_can_tell_that_its_parent_is_gone(_host) {
        let (wait_for_us, go_on) = relay::pipe().expect("a pipe");
        let parent = Spawn::new()
            .start(|_| -> Result<Infallible, Failure> {
                let grandchild = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
                    gate.wait()?;
                    let early = gate.is_abandoned();
                    nix::unistd::read(&wait_for_us, &mut [0]).expect("a byte");
                    sys::exit_now(if !early && gate.is_abandoned() { 3 } else { 4 })
                })?;
                // Waits for an exec that never comes.
                drop(grandchild.release());
                sys::exit_now(0)
            })
            .expect("a child");
        let pid = parent.pid();
        until("the grandchild waits for us", || children_of(pid).first().is_some_and(|pid| sleeps_in(*pid) == "read"));
        let grandchild = children_of(pid)[0];
        drop(parent);
        nix::unistd::write(&go_on, b"x").expect("the pipe");
        assert_eq!(end_of_orphan(grandchild), WaitStatus::Exited(grandchild, 3));
    }

    /// A child that stays a copy of us (PID 1 of a container, for one) can say that it is ready.
    fn a_child_that_stays_says_so(_host) {
        let child = Spawn::new()
            .start(|gate| -> Result<Infallible, Failure> {
                gate.wait()?;
                gate.done();
                loop {
                    nix::unistd::pause();
                }
            })
            .expect("a child at its gate")
            .release()
            .expect("a child that is ready");
        assert_eq!(executable(child.pid()), executable(Pid::this()));
    }

    /// With a cgroup the child is in it from its first instant, while it still waits at the gate.
    fn a_child_is_born_in_its_cgroup(host) {
        // Any cgroup2 mount will do, also one without controllers beside a v1 hierarchy.
        let Some(mount) = cgroup2_mount() else { return testkit::require(testkit::Need::CgroupV2("pids")) };
        let group = std::path::Path::new(&mount).join(host.cgroup_name());
        fs::create_dir(&group).expect("a group");
        let directory = fs::File::open(&group).expect("the group's directory");
        let pending = sleeper(Spawn::new().cgroup(Some(directory.into())));
        let membership = fs::read_to_string(format!("/proc/{}/cgroup", pending.pid())).expect("procfs");
        let seen = membership
            .lines()
            .find(|line| line.starts_with("0::"))
            .is_some_and(|line| line.ends_with(&host.cgroup_name()));
        drop(pending);
        fs::remove_dir(&group).expect("an empty group");
        judge("whether the child waits at its gate inside its cgroup")
            .expected(true)
            .seen(seen)
            .cause(|_| "the child was born outside: what it does before it is moved there would not be counted".into())
            .read("ch01-process, \"One call makes a process\"");
    }

    /// The kernel wakes whoever joins a thread before it has put the thread away.
    fn a_thread_that_was_joined_is_in_nobodys_way(_host) {
        for round in 0..1000 {
            std::thread::spawn(|| {}).join().expect("a thread that ends");
            assert!(process::SingleThread::check().is_some(), "round {round}");
        }
    }

    /// Without the right to make namespaces the message names them, and the cure.
    fn a_refused_clone_explains_itself(_host) {
        let report = Spawn::new()
            .start(|gate| -> Result<Infallible, SpawnError> {
                gate.wait()?;
                nix::unistd::setuid(nix::unistd::Uid::from_raw(65534)).expect("root may become anybody");
                let flags = CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWPID;
                Err(Spawn::new()
                    .namespaces(flags)
                    .start(|_| -> Result<Infallible, Failure> { panic!("a child that should not exist") })
                    .expect_err("EPERM"))
            })
            .expect("a child at its gate")
            .release()
            .expect_err("no namespaces for nobody");
        let excluded = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS;
        let invalid = Spawn::new()
            .namespaces(excluded)
            .start(|_| -> Result<Infallible, Failure> { panic!("a child that should not exist") });
        let text = [as_printed_error(report), as_printed_error(invalid.expect_err("EINVAL"))].join("\n\n");
        insta::assert_snapshot!("refused_clone", text);
    }
}

fn cgroup2_mount() -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = table.lines().find(|line| line.contains(" - cgroup2 "))?;
    line.split(' ').nth(4).map(str::to_owned)
}
