//! The container's process, stopped on its way into `execve`: what it still holds is what the image can reach.

#[path = "runc/bundle.rs"]
mod bundle;
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use common::Docker;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use testkit::{Need, kernel_test, require};

/// What was seen of the last process that was about to execute a program.
#[derive(Debug, Default)]
struct Seen {
    /// Descriptors from 3 on, with what they lead to.
    descriptors: Vec<String>,
    /// The file that it is executed from can be written to.
    writable: bool,
    /// Who owns its files in `/proc`.
    owner: u32,
    /// `CapEff` of its status.
    effective: String,
    /// Every file that was executed so far, by whichever of them, and whether it can be written to.
    executed: Vec<(String, bool)>,
    /// How many system calls led to each of them.
    calls: Vec<usize>,
}

/// Runs `command`, and looks at each of its descendants at the entry of `execve`.
fn watch(command: &Command) -> Seen {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let mut wrapper = Command::new("sh");
    // It stops, we attach, it goes on as the program under test: nothing of that one's life is missed.
    wrapper.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).args(words).env_clear();
    wrapper.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    #[expect(clippy::zombie_processes, reason = "the loop below waits for it, and for whatever it leaves to us")]
    let child = wrapper.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh starts");
    let main = Pid::from_raw(child.id().cast_signed());
    waitpid(main, Some(WaitPidFlag::WUNTRACED)).expect("it stops");
    let follow = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    ptrace::seize(main, follow | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC).expect("ptrace");
    kill(main, Signal::SIGCONT).expect("it goes on");
    let (mut seen, mut entered, mut calls) = (Seen::default(), BTreeMap::new(), 0);
    loop {
        let status = match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Err(Errno::ECHILD) => return seen,
            Err(Errno::EINTR) => continue,
            status => status.expect("a stop or an end"),
        };
        let signal = match status {
            WaitStatus::PtraceSyscall(pid) => {
                let enters = entered.entry(pid).or_insert(false);
                *enters = !*enters;
                calls += usize::from(*enters);
                let registers = ptrace::getregs(pid).expect("registers");
                let call = registers.orig_rax.cast_signed();
                if *enters && [libc::SYS_execve, libc::SYS_execveat].contains(&call) {
                    seen = Seen { executed: seen.executed, calls: seen.calls, ..look(pid) };
                }
                None
            }
            WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXEC) => {
                let file = fs::read_link(format!("/proc/{pid}/exe")).expect("its file");
                seen.executed.push((file.to_string_lossy().into_owned(), is_writable(pid)));
                seen.calls.push(std::mem::take(&mut calls));
                None
            }
            WaitStatus::PtraceEvent(..)
            | WaitStatus::Stopped(_, Signal::SIGTRAP | Signal::SIGSTOP | Signal::SIGCONT) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            _ => continue,
        };
        // One that was killed meanwhile is heard of by its end.
        let _ = status.pid().map(|pid| ptrace::syscall(pid, signal));
    }
}

fn look(pid: Pid) -> Seen {
    let directory = format!("/proc/{pid}/fd");
    let descriptors = fs::read_dir(&directory).expect("its descriptors").flatten().filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        let target = fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
        (number > 2).then(|| target.split(":[").next().unwrap_or_default().to_owned())
    });
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).expect("a set").to_owned();
    Seen {
        descriptors: descriptors.collect(),
        writable: is_writable(pid),
        owner: fs::metadata(format!("/proc/{pid}/status")).expect("its files").uid(),
        effective,
        executed: Vec::new(),
        calls: Vec::new(),
    }
}

/// Whether the file that it is executed from can be written to, once nobody executes it.
fn is_writable(pid: Pid) -> bool {
    let file = open(format!("/proc/{pid}/exe").as_str(), OFlag::O_PATH, Mode::empty()).expect("its file");
    !fstatvfs(&file).expect("a mount").flags().contains(FsFlags::ST_RDONLY)
}

kernel_test! {
    /// CVE-2024-21626 and its kin: a program's name is a path, and a descriptor is a way to the host.
    fn only_the_report_is_open_when_the_program_is_looked_up(host) {
        let docker = Docker::new(host);
        let modes: [&[&str]; 9] = [
            &[], &["-i"], &["-t"], &["--read-only"], &["-u", "1000"], &["--privileged"], &["--init"],
            &["--security-opt", "no-new-privileges", "--cap-drop", "ALL"], &["--memory", "64m", "--tmpfs", "/run"],
        ];
        for mode in modes {
            let mut command = docker.command();
            command.args(["run", "--rm"]).args(mode).args(["busybox", "true"]);
            let seen = watch(&command);
            assert_eq!(seen.descriptors, ["socket"], "{mode:?}: {seen:?}");
        }
        let bundle = bundle::Bundle::new(host, "true");
        assert_eq!(watch(&bundle.command()).descriptors, ["socket"], "mini-runc");
    }

    /// With `--explain` the narration goes on up to exec, through a pipe. Nothing else is different.
    fn a_narration_leaves_its_pipe_open(host) {
        let docker = Docker::new(host);
        let mut command = docker.command();
        command.args(["run", "--rm", "--explain", "busybox", "true"]);
        let mut descriptors = watch(&command).descriptors;
        descriptors.sort();
        assert_eq!(descriptors, ["pipe", "socket"]);
    }

    /// CVE-2019-5736: whatever the image makes us execute, it is not a file that can be written to.
    fn our_own_binary_is_out_of_reach(host) {
        let docker = Docker::new(host);
        let mut command = docker.command();
        command.args(["run", "--rm", "busybox", "true"]);
        let seen = watch(&command);
        assert!(!seen.writable, "{seen:?}");
        assert!(!watch(&bundle::Bundle::new(host, "true").command()).writable, "mini-runc");
    }

    /// The attack itself: the image's program leads back to our binary, which then runs inside.
    fn our_own_binary_inside_cannot_be_written_to(host) {
        let binary = common::static_binary();
        require(Need::Program(binary, "cargo wb try builds it"));
        let docker = Docker::new(host).with(binary);
        let mut command = docker.command();
        command.args(["run", "--rm", "--entrypoint", "/proc/self/exe", "busybox", "version"]);
        let executed = watch(&command).executed;
        let writable: Vec<bool> = executed.iter().map(|(_, writable)| *writable).collect();
        assert_eq!(writable, [true, false, false], "we, we from a view, we inside: {executed:?}");
    }

    /// The first of its two starts costs as little as can be: nobody has woken the C library yet.
    fn the_release_binary_executes_itself_by_six_calls(host) {
        let binary = common::static_binary();
        require(Need::Program(binary, "cargo wb try builds it"));
        let mut command = Docker::at(&host.dir().join("data")).with(binary).command();
        command.arg("version");
        let seen = watch(&command);
        assert_eq!(seen.calls[1..], [6], "{:?}", seen.executed);
    }

    /// Who shares its PID namespace must not trace it, nor reach files through its `/proc/PID`, while it has power.
    fn it_cannot_be_looked_into(host) {
        let docker = Docker::new(host);
        let mut command = docker.command();
        command.args(["run", "--rm", "--pid", "host", "-u", "1000:1000", "busybox", "true"]);
        assert_eq!(watch(&command).owner, 0, "its files belong to root although it is user 1000: it is not dumpable");
    }

    /// What a user may not execute, root's power must not execute for them.
    fn a_user_has_no_power_when_the_program_is_looked_up(host) {
        let docker = Docker::new(host);
        let mut command = docker.command();
        command.args(["run", "--rm", "-u", "1000", "busybox", "true"]);
        assert_eq!(watch(&command).effective, "0".repeat(16));
    }

    /// Without the right to mount, it is a sealed copy.
    fn a_sealed_copy_does_where_no_mount_can_be_made(_host) {
        require(Need::UserNamespaces);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", bundle::BINARY, "run", "--rm", "--bundle", "/nowhere", "it"]);
        let executed = watch(&command).executed;
        let last = executed.last().map(|(file, _)| file.as_str());
        assert_eq!(last, Some("/memfd:mini-docker (deleted)"), "{executed:?}");
    }
}
