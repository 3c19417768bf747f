//! Another process in a container: what the kernel shows of it, what is left of it, and when it is refused.

mod common;

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use cgroups::{Cgroup, Layout};
use common::{Resident, children, plain, said, status};
use confinement::{Capabilities, CapabilitySets, Rlimit};
use namespaces::{IdRange, Kind, Namespace};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use process::{ExitStatus, Failure, FailureKind, Identity};
use runtime::spec::User;
use runtime::{RuntimeError, Stdio, root_of, user};
use testkit::{Call, Inmate, Need, judge, kernel_test, refuse, require};

const BOTH: [Option<&str>; 2] = [None, Some("probe")];

fn link(pid: Pid, name: &str) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/{name}")).expect(name)
}

/// The program itself, behind whoever looks after it.
fn program(executed: &runtime::Executed, part: Option<&str>) -> Pid {
    let pid = executed.child().pid();
    match part {
        None => pid,
        Some(_) => Pid::from_raw(children(pid.as_raw()).parse().expect("one child")),
    }
}

kernel_test! {
    fn it_is_where_the_container_is(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let process = resident.process(&["cat"]);
            let executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
            let (pid, init) = (program(&executed, part), Pid::from_raw(resident.init.pid));
            for kind in Kind::ALL {
                let name = format!("ns/{}", kind.proc_name());
                assert_eq!(link(pid, &name), link(init, &name), "{kind}");
            }
            let numbers = status(pid, "NSpid");
            assert_eq!(numbers.split(' ').count(), status(init, "NSpid").split(' ').count(), "born inside: {numbers}");
            let root = |pid: Pid| fs::metadata(format!("/proc/{pid}/root/.")).map(|root| (root.dev(), root.ino())).expect("a root");
            assert_eq!(root(pid), root(init));
            assert_eq!(status(pid, "NSsid").split(' ').next_back(), status(pid, "NSpid").split(' ').next_back(), "a session of its own");
            drop(executed);
        }
        assert_eq!(resident.children(), "");
        resident.end();
    }

    fn it_is_born_in_the_container_and_we_stay_outside(host) {
        const READ: &str = "ch12-runtime, \"A join without a container\"";
        let resident = Resident::of(host, plain(), |_| {});
        let process = resident.process(&["cat"]);
        let executed = resident.exec(&process, None).start().map_err(Failure::from).expect("a process");
        let (pid, init) = (executed.child().pid(), Pid::from_raw(resident.init.pid));
        let numbers = |pid: Pid| status(pid, "NSpid").split(' ').count();
        judge("how many numbers the process has (NSpid in /proc/PID/status), and the container's first one")
            .expected((numbers(init), numbers(init)))
            .seen((numbers(pid), numbers(init)))
            .cause(|(its, first)| if its < first {
                "the process has no number inside: nobody was forked after setns, and a process never moves to another PID namespace".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        let groups = |pid: Pid| fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("its groups");
        judge("the control groups of the process (/proc/PID/cgroup)")
            .expected(groups(init))
            .seen(groups(pid))
            .cause(|_| "the process is in other groups than the container: its limits are not for that one".into())
            .read(READ);
        let of_our_next_child = || numbers(Inmate::new(String::new).pid());
        judge("how many numbers our own next child has")
            .expected(1)
            .seen(of_our_next_child())
            .cause(|_| "our children are still born in the container: we asked for that, and nobody took it back".into())
            .read(READ);
        drop(executed);
        let refused = Inmate::new(|| {
            refuse(Call("clone3", nix::libc::SYS_clone3, None), Errno::EIO);
            resident.exec(&process, None).start().map(drop).expect_err("no process");
            of_our_next_child().to_string()
        });
        judge("how many numbers our next child has, when the process in the container could not be made")
            .expected("1")
            .seen(refused.said())
            .cause(|_| "our children are still born in the container: the way back was left out because something had failed".into())
            .read(READ);
        drop(refused);
        resident.end();
    }

    fn it_is_confined_as_described(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let mut process = resident.process(&["cat"]);
            process.user = User { uid: 1000, gid: 50, additional_gids: vec![7, 50], umask: Some(0o027) };
            process.no_new_privileges = true;
            process.oom_score_adj = Some(321);
            process.rlimits = serde_json::from_str::<Vec<Rlimit>>(r#"[{"type":"RLIMIT_NOFILE","soft":100,"hard":200}]"#).expect("limits");
            process.capabilities = Some(CapabilitySets::docker(Capabilities::empty()));
            process.cwd = "/tmp".into();
            let executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
            let pid = program(&executed, part);
            let fields = ["Uid", "Gid", "Groups", "Umask", "NoNewPrivs", "Seccomp", "CapEff", "CapBnd", "SigIgn", "SigBlk"];
            let seen: Vec<String> = fields.iter().map(|field| status(pid, field)).collect();
            assert_eq!(seen, [
                "1000 1000 1000 1000", "50 50 50 50", "7 50", "0027", "1", "2",
                "0000000000000000", "0000000000000000", "0000000000000000", "0000000000000000",
            ]);
            assert_eq!(fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).expect("a score"), "321\n");
            let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
            assert!(limits.contains("Max open files            100                  200"), "{limits}");
            assert_eq!(link(pid, "cwd"), PathBuf::from("/tmp"));
            let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count();
            assert_eq!(open, 3);
            drop(executed);
        }
        resident.end();
    }

    /// Who looks after the program is in the container with our memory: he has nothing, and nobody reaches him.
    fn the_one_in_between_has_nothing(host) {
        let resident = Resident::new(host);
        let process = resident.process(&["cat"]);
        let executed = resident.exec(&process, Some("probe")).start().map_err(Failure::from).expect("a process");
        let pid = executed.child().pid();
        for set in ["CapPrm", "CapEff"] {
            assert_eq!(status(pid, set), "0000000000000020", "CAP_KILL alone in {set}");
        }
        for set in ["CapBnd", "CapInh", "CapAmb"] {
            assert_eq!(status(pid, set), "0000000000000000", "{set}");
        }
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten() {
            let path = fs::read_link(entry.path()).expect("a descriptor");
            let leads_nowhere = !fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
            assert!(leads_nowhere, "{} is open", path.display());
        }
        let numbers = status(pid, "NSpid");
        let inside = numbers.split(' ').next_back().expect("a number");
        let script = format!("cd /proc/{inside} && for file in environ fd/0 maps; do cat $file && echo read $file; readlink $file; done");
        let (text, _) = resident.said(&script, None);
        assert_eq!(text.matches("Permission denied").count(), 3, "{text}");
        assert!(!text.contains("read "), "{text}");
        drop(executed);
        // Who may trace would reach him, so there is none.
        let own = resident.spec.process.as_ref().and_then(|process| process.capabilities).expect("sets");
        resident.end();
        let resident = Resident::with(host, |spec| {
            let sets = own.bounding.iter().chain(["CAP_SYS_PTRACE".parse().expect("a capability")]).collect();
            spec.process.as_mut().expect("a process").capabilities = Some(CapabilitySets::docker(sets));
        });
        let process = resident.process(&["cat"]);
        let executed = resident.exec(&process, Some("probe")).start().map_err(Failure::from).expect("a process");
        assert_eq!(fs::read_to_string(format!("/proc/{}/comm", executed.child().pid())).expect("a name"), "cat\n");
        drop(executed);
        resident.end();
    }

    /// moby#47583: what a probe leaves running fills the container, and its zombies stay.
    fn what_it_started_ends_with_it_and_is_reaped(host) {
        let resident = Resident::new(host);
        let script = "sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & (sleep 1000 &) ; exit 7";
        let (_, ended) = resident.said(script, Some("probe"));
        assert_eq!(ended, ExitStatus::Code(7));
        assert_eq!(resident.children(), "", "neither running nor a zombie");
        let layout = Layout::detect().expect("hierarchies");
        let group = Cgroup::open(&layout, &resident.group).expect("a group");
        assert_eq!(group.procs().expect("processes"), [Pid::from_raw(resident.init.pid)]);
        for path in group.paths() {
            assert!(!path.join("probe").exists(), "{}", path.display());
        }
        // The same name again, and a program that a signal ends.
        let (_, ended) = resident.said("sleep 1000 & kill -9 $$", Some("probe"));
        assert_eq!(ended.code(), 137);
        assert_eq!(resident.children(), "");
        resident.end();
    }

    fn what_it_started_stays_where_nothing_else_is_asked(host) {
        let resident = Resident::new(host);
        let (_, ended) = resident.said("sleep 1000 >/dev/null 2>&1 </dev/null & exit 3", None);
        assert_eq!(ended, ExitStatus::Code(3));
        let left = Pid::from_raw(resident.children().parse().expect("one child"));
        assert_eq!(status(left, "PPid"), resident.init.pid.to_string());
        resident.end();
    }

    fn signals_reach_the_program(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let process = resident.process(&["sh", "-c", "trap 'exit 9' USR1; echo; while :; do read x; done"]);
            let mut executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
            let stdout = executed.ends.stdout.take().expect("a pipe");
            nix::unistd::read(&stdout, &mut [0; 8]).expect("it listens");
            executed.child().signal(Signal::SIGUSR1 as i32).expect("a signal");
            drop(executed.ends.stdin.take());
            let ended = executed.parts().0.wait().expect("an end");
            assert_eq!(ended, ExitStatus::Code(9), "{part:?}");
            executed.end().map_err(Failure::from).expect("nothing left");
        }
        resident.end();
    }

    fn a_terminal_is_the_containers(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let mut process = resident.process(&["sh", "-c", "tty; stty size; test -t 0 && test -t 2 && echo all"]);
            process.console_size = Some(runtime::spec::ConsoleSize { height: 33, width: 77 });
            let exec = runtime::Exec { stdio: Stdio::Terminal, ..resident.exec(&process, part) };
            let (text, ended) = said(exec);
            assert_eq!((text.as_str(), ended), ("/dev/pts/0\n33 77\nall\n", ExitStatus::Code(0)));
        }
        resident.end();
    }

    fn root_in_a_user_namespace_is_the_containers_root(host) {
        require(Need::UserNamespaces);
        let chown = |path: &std::path::Path| std::os::unix::fs::chown(path, Some(100_000), Some(100_000)).expect("an owner");
        let root = host.rootfs();
        chown(&root);
        fs::set_permissions(host.dir(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let resident = Resident::with(host, |spec| {
            spec.linux.namespaces.push(Namespace::from(Kind::User));
            // Of groups that are not mapped there is none to ping.
            spec.linux.sysctl.clear();
            let ids = vec![IdRange { inside: 0, outside: 100_000, count: 65536 }];
            (spec.linux.uid_mappings, spec.linux.gid_mappings) = (ids.clone(), ids);
        });
        for part in BOTH {
            let process = resident.process(&["sh", "-c", "id -u; id -g; cat /proc/self/uid_map; read x"]);
            let mut executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
            let pid = program(&executed, part);
            assert_eq!(status(pid, "Uid"), "100000 100000 100000 100000");
            assert_eq!(link(pid, "ns/user"), link(Pid::from_raw(resident.init.pid), "ns/user"));
            drop(executed.ends.stdin.take());
            assert_eq!(executed.parts().0.wait().expect("an end"), ExitStatus::Code(1));
            executed.end().map_err(Failure::from).expect("nothing left");
            let exec = runtime::Exec { stdio: Stdio::Terminal, ..resident.exec(&process, part) };
            let mut executed = exec.start().map_err(Failure::from).expect("a terminal");
            executed.ends = runtime::Ends::default();
            executed.parts().0.wait().expect("hung up");
            executed.end().map_err(Failure::from).expect("nothing left");
        }
        resident.end();
    }

    fn a_program_that_is_not_there_is_told_as_always(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let complain = |change: &dyn Fn(&mut runtime::spec::Process)| {
                let mut process = resident.process(&["true"]);
                change(&mut process);
                let error = resident.exec(&process, part).start().expect_err("an error");
                let Failure { message, kind, .. } = error.into();
                (message, kind)
            };
            let missing = complain(&|process| process.args = common::words(&["nosuch"]));
            assert_eq!(missing, ("exec: \"nosuch\": executable file not found in $PATH".into(), FailureKind::CommandNotFound));
            let directory = complain(&|process| process.args = common::words(&["/etc"]));
            assert_eq!(directory, ("exec: \"/etc\": permission denied".into(), FailureKind::CannotExecute));
            let (message, _) = complain(&|process| process.cwd = "/no/such".into());
            assert!(message.starts_with("chdir to cwd (\"/no/such\")"), "{message}");
            let (_, kind) = complain(&|process| process.user.uid = u32::MAX);
            assert_eq!(kind, FailureKind::Invalid);
            assert_eq!(resident.children(), "");
        }
        resident.end();
    }

    /// CVE-2024-21626, by exec: a working directory that is a descriptor of ours.
    fn a_working_directory_outside_is_refused(host) {
        let resident = Resident::new(host);
        let outside = fs::File::open("/").expect("our root");
        for number in 3..32 {
            let mut process = resident.process(&["pwd"]);
            process.cwd = format!("/proc/self/fd/{number}").into();
            let error = resident.exec(&process, None).start().expect_err("an error");
            assert!(error.to_string().contains("cwd"), "{error}");
        }
        drop(outside);
        resident.end();
    }

    fn a_container_that_has_ended_takes_nobody(host) {
        let resident = Resident::new(host);
        let process = resident.process(&["true"]);
        let exec = |init: Identity| runtime::Exec { init, ..resident.exec(&process, None) }.start().expect_err("an error");
        // Its number is somebody else's.
        let other = Identity { start_time: resident.init.start_time + 1, ..resident.init };
        assert!(matches!(exec(other), RuntimeError::Stopped));
        assert!(matches!(root_of(other), Err(RuntimeError::Stopped)));
        resident.running.child().signal(Signal::SIGKILL as i32).expect("a signal");
        wait_for(resident.running.child());
        assert!(matches!(exec(resident.init), RuntimeError::Stopped));
        resident.end();
    }

    fn a_container_that_stands_still_takes_nobody(host) {
        let resident = Resident::new(host);
        let group = Cgroup::open(&Layout::detect().expect("hierarchies"), &resident.group).expect("a group");
        if group.freeze().is_err() {
            require(Need::CgroupV1("freezer"));
        }
        let process = resident.process(&["true"]);
        let error = resident.exec(&process, Some("probe")).start().expect_err("an error");
        assert!(matches!(error, RuntimeError::Paused), "{error}");
        group.thaw().expect("thawed");
        assert_eq!(resident.said("echo here", Some("probe")).0, "here\n");
        resident.end();
    }

    fn it_ends_with_the_container(host) {
        for part in BOTH {
            let resident = Resident::new(host);
            let process = resident.process(&["cat"]);
            let mut executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
            resident.running.child().signal(Signal::SIGKILL as i32).expect("a signal");
            assert_eq!(executed.parts().0.wait().expect("an end"), ExitStatus::Signal(9));
            executed.end().map_err(Failure::from).expect("nothing left");
            resident.end();
        }
    }

    fn it_ends_with_whoever_started_it(host) {
        let resident = Resident::new(host);
        for part in BOTH {
            let process = resident.process(&["cat"]);
            let starter = Inmate::new(|| {
                let executed = resident.exec(&process, part).start().map_err(Failure::from).expect("a process");
                let pids = (program(&executed, part), executed.child().pid());
                std::mem::forget(executed);
                format!("{} {}", pids.0, pids.1)
            });
            let (program, child) = starter.said().split_once(' ').expect("two numbers");
            let number = |text: &str| Pid::from_raw(text.parse().expect("a number"));
            let (program, child) = (Identity::of(number(program)).expect("it runs").open().expect("a pidfd"), number(child));
            drop(starter);
            wait_for(&program);
            // We are PID 1 here, and it is an orphan of ours now.
            nix::sys::wait::waitpid(child, None).expect("an orphan");
        }
        assert!(resident.init.is_alive());
        resident.end();
    }

    fn users_are_looked_up_in_its_root(host) {
        let resident = Resident::new(host);
        let root = root_of(resident.init).map_err(Failure::from).expect("a root");
        let resolved = user::resolve("alice", &[], &root).map_err(Failure::from).expect("a user");
        assert_eq!((resolved.user.uid, resolved.home.as_str()), (1000, "/home/alice"));
        resident.end();
    }

    fn a_host_shared_by_the_container_is_not_entered(host) {
        let resident = Resident::with(host, |spec| {
            spec.linux.namespaces.retain(|namespace| !matches!(namespace.kind, Kind::Pid | Kind::Net | Kind::Uts));
            spec.linux.sysctl.clear();
            spec.hostname.clear();
        });
        let (text, _) = resident.said("hostname; ls /sys/class/net | wc -l", Some("probe"));
        assert!(text.starts_with("workbench\n"), "{text}");
        resident.end();
    }
}

/// Its end, however soon.
fn wait_for(process: impl AsFd) {
    let mut interest = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    poll(&mut interest, PollTimeout::NONE).expect("an end");
}
