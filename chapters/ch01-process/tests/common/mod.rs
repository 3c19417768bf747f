//! What this chapter's tests share: starting a program with streams of our choice, and looking at it from outside.
#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use process::{Child, Diagnose, ExitStatus, Failure, Program, Spawn, SpawnError, relay};

/// The only environment the programs of these tests get.
pub(crate) const PATH: [&str; 1] = ["PATH=/bin:/usr/bin"];

/// A program with [`PATH`] for its environment.
pub(crate) fn program<S: AsRef<OsStr> + Debug>(arguments: &[S]) -> Program {
    Program::new(arguments, &PATH).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// `sh -c SCRIPT`.
pub(crate) fn shell(script: &str) -> Program {
    program(&["/bin/sh", "-c", script])
}

/// Starts a program with our own streams.
pub(crate) fn try_start(program: &Program) -> Result<Child, SpawnError> {
    Spawn::new()
        .start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            Ok(program.exec(gate)?)
        })?
        .release()
}

/// The same, where the program is known to start.
pub(crate) fn start(program: &Program) -> Child {
    try_start(program).expect("the program starts")
}

/// A program whose three streams are pipes.
pub(crate) struct Piped {
    pub(crate) child: Child,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Starts a program with pipes for streams.
pub(crate) fn start_piped(program: &Program) -> Piped {
    let (stdin_reader, stdin) = relay::pipe().expect("a pipe");
    let (stdout, stdout_writer) = relay::pipe().expect("a pipe");
    let (stderr, stderr_writer) = relay::pipe().expect("a pipe");
    let pending = Spawn::new().start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        nix::unistd::dup2_stdin(&stdin_reader).expect("standard input");
        nix::unistd::dup2_stdout(&stdout_writer).expect("standard output");
        nix::unistd::dup2_stderr(&stderr_writer).expect("standard error");
        Ok(program.exec(gate)?)
    });
    let child = pending.and_then(process::Pending::release).expect("the program starts");
    Piped { child, stdin, stdout, stderr }
}

/// Runs a program to its end; what it printed on standard output.
pub(crate) fn output_of(program: &Program) -> (ExitStatus, String) {
    let Piped { mut child, stdin, stdout, stderr } = start_piped(program);
    drop((stdin, stderr));
    let mut text = String::new();
    File::from(stdout).read_to_string(&mut text).expect("the program's output");
    (child.wait().expect("the program's end"), text)
}

/// What `main` prints for this error, and the code it leaves with.
pub(crate) fn as_printed(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("Error: {}{hint}\nexit code: {}", failure.message, failure.exit_code())
}

/// The same for an error that has not become a [`Failure`] yet.
pub(crate) fn as_printed_error<E: Diagnose>(error: E) -> String {
    as_printed(&Failure::from(error))
}

/// Looks until `seen` is true. Nothing here depends on how long that takes, except the verdict that it never comes.
pub(crate) fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !seen() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// Field `number` (counted from 1, as in `proc_pid_stat(5)`) of `/proc/PID/stat`; empty when there is no such process.
pub(crate) fn stat(pid: Pid, number: usize) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the name in parentheses and may contain anything, spaces and parentheses too.
    let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    rest.split(' ').nth(number - 3).unwrap_or_default().to_owned()
}

/// `R`, `S`, `T`, `Z` …; empty when there is no such process.
pub(crate) fn state(pid: Pid) -> String {
    stat(pid, 3)
}

/// Whether `pid` has become `sleep` by now.
pub(crate) fn is_sleep(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sleep")
}

/// The processes whose parent is `parent`, zombies too.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    fs::read_dir("/proc")
        .expect("procfs")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| stat(*pid, 4) == parent.to_string())
        .collect()
}

/// The name of the system call that `pid` sleeps in, as far as this chapter's tests care.
pub(crate) fn sleeps_in(pid: Pid) -> &'static str {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number: i64 = text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(-1);
    match number {
        libc::SYS_ppoll => "poll",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => "poll",
        libc::SYS_wait4 => "waitpid",
        libc::SYS_waitid => "waitid",
        libc::SYS_recvmsg => "recvmsg",
        libc::SYS_read => "read",
        _ => "another call, or none",
    }
}

/// Where the descriptors of `pid` lead, by number.
pub(crate) fn descriptors(pid: Pid) -> Vec<(u32, String)> {
    let mut all: Vec<(u32, String)> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("procfs")
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, target.display().to_string()))
        })
        .collect();
    all.sort();
    all
}
