//! Executing a test binary again, twice: once to leave the machine's namespaces, once to be PID 1 of the new ones.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio, exit};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{self, SigHandler};
use rustix::process::{
    Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal, set_parent_process_death_signal,
};

use crate::host::Host;
use crate::needs::Need;
use crate::{cgroup, leaks, needs};

/// Names the test whose body this process is to run.
const TEST: &str = "TESTKIT_TEST";
/// "host" in the process that makes the namespaces, the host's directory in the one that lives there.
const STAGE: &str = "TESTKIT_STAGE";
/// Asks for the names of the tests that are for every kernel, a line each; whoever asks also asks libtest for its list.
const LIST: &str = "TESTKIT_LIST";
/// Begins such a line.
const LISTED: &str = "for every kernel: ";
/// Seconds until a test counts as hanging; a machine that is emulated in software needs more than the default.
const LIMIT: &str = "TESTKIT_SECONDS";
const DEFAULT_LIMIT: u64 = 120;
/// The exit status of a body that came to its end. Not 0: a body that calls `exit` in the middle proves nothing.
const FINISHED: i32 = 76;
/// The exit status of a body that failed, leaked or hung, after it was said why.
const FAILED: i32 = 78;

/// Where a test proves something.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On each kernel, something about that kernel.
    EveryKernel,
    /// Here, and no more elsewhere.
    ThisMachine,
}

/// Runs the body of `test` in a process of its own and repeats its verdict. Called by [`kernel_test!`](crate::kernel_test).
///
/// # Panics
/// When the body failed, leaked or hung: that is how a `#[test]` fails.
pub fn run(test: &str) {
    if let Some(missing) = needs::for_any_kernel_test() {
        return report_skip(test, &missing.what, &missing.cure);
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let output = directory.path().join("output");
    let sink = File::create(&output).expect("a file in the temporary directory");
    let host = directory.path().join("host");
    fs::create_dir(&host).expect("a directory in the temporary directory");
    let status = execute(test, &format!("host:{}", host.display()), |command| {
        // A group of its own, so that all of it can be ended at once.
        command.process_group(0).stdout(sink.try_clone().expect("a second descriptor")).stderr(sink);
    });
    let said = fs::read_to_string(&output).unwrap_or_default();
    cgroup::remove(&cgroup::name_for(&host));
    if status.code() == Some(needs::SKIPPED)
        && let Some((what, cure)) = needs::parse_skip(&said)
    {
        return report_skip(test, what, cure);
    }
    print!("{said}");
    match status.code() {
        Some(FINISHED) => {}
        Some(FAILED) => panic!("{test} failed in its throw-away host"),
        _ => panic!("{test} did not come to its end: its process ended before, by {}", ending(status)),
    }
}

/// For a test that needs no host of its own: whether this machine lacks `need`. Then `test`, which is its name, has been
/// reported as skipped, and should be over.
pub fn lacks(test: &str, need: Need) -> bool {
    let missing = need.missing();
    if let Some(missing) = &missing {
        report_skip(test, &missing.what, &missing.cure);
    }
    missing.is_some()
}

/// How a process ended, in words. An exit status that none of ours has is the body's own.
fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        // A PID 1 that a signal ends is seen by its parent as such, and passed on as a shell does.
        (Some(code), _) if code > 128 => format!("signal {}", code - 128),
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

/// Called before `main` in every test binary: does nothing unless this process was started to run `test`.
#[doc(hidden)]
pub fn enter(test: &str, place: Place, body: fn(&Host)) {
    if env::var_os(LIST).is_some() && place == Place::EveryKernel {
        // libtest's names begin below the crate.
        println!("{LISTED}{}", test.split_once("::").map_or(test, |(_, name)| name));
    }
    if env::var(TEST).as_deref() != Ok(test) {
        return;
    }
    // Whoever ends the test ends all that it started: the next stage, and with PID 1 its whole namespace.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let stage = env::var(STAGE).unwrap_or_default();
    match stage.strip_prefix("host:") {
        Some(directory) => exit(make_host(test, directory)),
        None => exit(live_in_host(Path::new(stage.trim_start_matches("body:")), body)),
    }
}

/// Leaves the machine's namespaces. A new PID namespace takes effect for children, so the body is one.
fn make_host(test: &str, directory: &str) -> i32 {
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID;
    if let Err(errno) = unshare(all) {
        eprintln!("testkit: unshare for a throw-away host: {errno}");
        return FAILED;
    }
    let private = mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    if let Err(errno) = private {
        eprintln!("testkit: make the mounts private: {errno}");
        return FAILED;
    }
    let _ = nix::unistd::sethostname("workbench");
    forget_ignored_signals();
    let status = execute(test, &format!("body:{directory}"), |_| {});
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Below `nohup`, or in the background of a script, some signals are ignored, and that is inherited. No test means that.
#[allow(unsafe_code, reason = "sigaction(2) is safe with SIG_DFL, which runs no code of ours")]
fn forget_ignored_signals() {
    for number in [signal::SIGHUP, signal::SIGINT, signal::SIGQUIT] {
        // SAFETY: sigaction(2); no handler is installed.
        let _ = unsafe { signal::signal(number, SigHandler::SigDfl) };
    }
}

/// The body, as PID 1, between two looks at what exists.
fn live_in_host(directory: &Path, body: fn(&Host)) -> i32 {
    if let Err(errno) = mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>) {
        eprintln!("testkit: mount /proc: {errno}");
        return FAILED;
    }
    let host = Host::new(directory);
    let before = leaks::Snapshot::take(&host);
    let outcome = catch_unwind(AssertUnwindSafe(|| body(&host)));
    let leaked = before.compare(&leaks::Snapshot::take_at_rest(&host));
    let _ = std::io::stdout().flush();
    match (outcome, leaked.is_empty()) {
        (Ok(()), true) => FINISHED,
        (Ok(()), false) => {
            eprintln!("the test left behind:\n{}", leaked.join("\n"));
            FAILED
        }
        (Err(_), _) => FAILED,
    }
}

/// Executes this binary again and waits, but not for ever.
fn execute(test: &str, stage: &str, adjust: impl FnOnce(&mut Command)) -> ExitStatus {
    let binary = env::current_exe().expect("the path of this test binary");
    let mut command = Command::new(binary);
    // A verdict is easier to find without the frames of the kit above it.
    command.env(TEST, test).env(STAGE, stage).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    adjust(&mut command);
    let mut child = command.spawn().expect("this test binary starts again");
    let limit = env::var(LIMIT).ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_LIMIT);
    let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("a pidfd of a child");
    let mut interest = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(Duration::from_secs(limit)).unwrap_or(PollTimeout::MAX);
    if poll(&mut interest, timeout) == Ok(0) {
        eprintln!("testkit: {test} still runs after {limit} s (set {LIMIT} for more) and is ended");
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    }
    child.wait().expect("the end of a child")
}

/// A skip is not a failure for libtest, and not a pass for us: it goes into the file that `WB_SKIPS` names.
fn report_skip(test: &str, what: &str, cure: &str) {
    println!("skipped: {test}: {what} ({cure})");
    if let Ok(path) = env::var("WB_SKIPS") {
        let line = format!("{test}\t{what}\t{cure}\n");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the file that WB_SKIPS names");
    }
}
