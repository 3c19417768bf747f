//! Waiting: how a child ended, which child, and what becomes of one that nobody waited for.
mod common;

use std::fs;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use common::{program, shell, start, start_piped, state, until};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use process::{ChildError, ExitStatus, Failure, Spawn};
use testkit::{judge, kernel_test};

const READ: &str = "ch01-process, \"Waiting for the right process\"";

fn errno_of(error: &ChildError) -> Errno {
    match error {
        ChildError::Wait { errno, .. } | ChildError::Signal { errno, .. } => *errno,
    }
}

/// In the raw status, the low byte has the signal's number.
fn signal_is_taken_for_a_status() -> bool {
    start(&shell("kill -TERM $$")).wait().is_ok_and(|end| end == ExitStatus::Code(15))
}

kernel_test! {
    /// `exit N` is N, up to 255.
    fn an_exit_status_comes_through(_host) {
        for code in [3, 0, 1, 42, 125, 126, 127, 255] {
            let seen = start(&shell(&format!("exit {code}"))).wait().expect("the end of a child");
            judge(&format!("the end of a program that calls exit({code})"))
                .expected(ExitStatus::Code(code))
                .seen(seen)
                .cause(|seen| match seen {
                    ExitStatus::Code(0) if signal_is_taken_for_a_status() => {
                        "this is the low byte of the raw status, where the kernel keeps a signal's number; \
                         the exit status is the byte above it (WEXITSTATUS)"
                            .into()
                    }
                    ExitStatus::Code(_) => "unknown".into(),
                    ExitStatus::Signal(_) => "an exit was taken for a death by signal".into(),
                })
                .read(READ);
        }
    }

    /// A signal's number is kept, and shown as 128 more, like a shell does.
    fn a_death_by_signal_is_not_an_exit(_host) {
        for (name, number, code) in [("TERM", 15, 143), ("KILL", 9, 137), ("SEGV", 11, 139), ("ABRT", 6, 134)] {
            let seen = start(&shell(&format!("ulimit -c 0; kill -{name} $$"))).wait().expect("the end of a child");
            judge(&format!("the end of a program that SIG{name} has killed"))
                .expected(ExitStatus::Signal(number))
                .seen(seen)
                .cause(|seen| match seen {
                    ExitStatus::Code(0) => {
                        "a program that a signal ended has no exit status, and none was taken for 0: \
                         a crash would look like success"
                            .into()
                    }
                    ExitStatus::Code(code) if i32::from(*code) == number => {
                        "the signal's number was taken for an exit status".into()
                    }
                    _ => "unknown".into(),
                })
                .read(READ);
            assert_eq!(seen.code(), code);
        }
    }

    /// Real-time signals have numbers and no names; a container with systemd is stopped by one.
    fn real_time_signals_can_be_sent_and_seen(_host) {
        let mut child = start(&program(&["sleep", "1000"]));
        child.signal(37).expect("SIGRTMIN+3 is sent");
        assert_eq!(child.wait().expect("the end of a child"), ExitStatus::Signal(37));
    }

    /// With two children at hand, each `wait` returns the end of its own.
    fn each_child_is_waited_for_by_itself(_host) {
        let mut other = start(&shell("exit 4"));
        let ours = start_piped(&shell("read line; exit 3"));
        // The other one is a zombie by now, and the first that a wait for "any child" would find.
        let mut ended = [PollFd::new(other.as_fd(), PollFlags::POLLIN)];
        poll(&mut ended, PollTimeout::NONE).expect("poll");
        drop(ours.stdin);
        let mut child = ours.child;
        judge("the end of the second of two children")
            .expected(ExitStatus::Code(3))
            .seen(child.wait().expect("the end of a child"))
            .cause(|seen| match seen {
                ExitStatus::Code(4) => {
                    "that is how the other child ended: wait for this one, by its pidfd, not for any".into()
                }
                _ => "unknown".into(),
            })
            .read(READ);
        assert_eq!(other.wait().expect("the end of the other"), ExitStatus::Code(4));
    }

    /// A judge of the exercise `wait`: not every error is an interruption.
    fn a_child_that_is_gone_is_an_error(_host) {
        let mut child = start(&shell("exit 0"));
        nix::sys::wait::waitpid(child.pid(), None).expect("reaped behind the child's back");
        judge("a wait for a child that was reaped elsewhere")
            .expected(Err(Errno::ECHILD))
            .seen(child.wait().map_err(|error| errno_of(&error)))
            .cause(|seen| match seen {
                Ok(_) => "the kernel had no child to wait for (ECHILD), and an end was returned all the same".into(),
                Err(_) => "the kernel's reason was ECHILD, and the error gives another".into(),
            })
            .read(READ);
    }

    /// `EINTR` is no reason to give up: the child is still there.
    fn a_handled_signal_does_not_cut_a_wait_short(_host) {
        // The program waits until PID 1, which is this test, sleeps in waitid (or wait4), and interrupts it. It goes on
        // when the handler has run, or else its end might come before the interruption does.
        let script = format!(
            "while ! grep -q -e '^{} ' -e '^{} ' /proc/1/syscall; do :; done; kill -USR1 1; read line; exit 3",
            libc::SYS_waitid,
            libc::SYS_wait4
        );
        let mut ours = start_piped(&shell(&script));
        answer_without_restart(Signal::SIGUSR1, ours.stdin.as_raw_fd());
        judge("a wait that a signal interrupts")
            .expected(Ok(ExitStatus::Code(3)))
            .seen(ours.child.wait().map_err(|error| errno_of(&error)))
            .cause(|seen| match seen {
                Err(Errno::EINTR) => "EINTR was taken for an error: it says that a signal came first, so wait again".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    /// A child that is forgotten is killed and reaped, before its program starts and after.
    fn a_dropped_child_leaves_no_zombie(_host) {
        let child = start(&program(&["sleep", "1000"]));
        let pending = Spawn::new()
            .start(|gate| -> Result<_, Failure> {
                gate.wait()?;
                Ok(shell("true").exec(gate)?)
            })
            .expect("a child at its gate");
        let pids = [child.pid(), pending.pid()];
        drop((child, pending));
        assert_eq!(pids.map(state), ["", ""], "states of processes that should be gone");
    }

    /// The number of a dead child may be given away. Its pidfd is never about anybody else.
    fn a_stranger_with_the_same_number_is_left_alone(_host) {
        let dead = start(&shell("exit 0"));
        let number = dead.pid();
        nix::sys::wait::waitpid(number, None).expect("reaped behind the child's back");
        // The next process gets the number after this one.
        fs::write("/proc/sys/kernel/ns_last_pid", (number.as_raw() - 1).to_string())
            .expect("CONFIG_CHECKPOINT_RESTORE");
        let mut stranger = start(&program(&["sleep", "1000"]));
        assert_eq!(stranger.pid(), number, "the stranger was to get the dead child's number");
        assert!(matches!(dead.signal(15), Err(ChildError::Signal { errno: Errno::ESRCH, .. })));
        drop(dead);
        assert!(matches!(state(stranger.pid()).as_str(), "R" | "S"), "the stranger was killed");
        stranger.signal(9).expect("the stranger is there");
        assert_eq!(stranger.wait().expect("the stranger's end"), ExitStatus::Signal(9));
    }

    /// The pidfd becomes readable with the end, so that a loop can wait for it among other things.
    fn a_pidfd_is_readable_once_the_child_has_ended(_host) {
        let ours = start_piped(&shell("read line; exit 5"));
        let mut child = ours.child;
        let readable = |timeout| {
            let mut interest = [PollFd::new(child.as_fd(), PollFlags::POLLIN)];
            poll(&mut interest, timeout).expect("poll") == 1
        };
        assert!(!readable(PollTimeout::ZERO));
        drop(ours.stdin);
        assert!(readable(PollTimeout::NONE));
        assert!(child.as_fd().as_raw_fd() > 2);
        assert_eq!(child.wait().expect("the end of a child"), ExitStatus::Code(5));
        until("the process is gone", || state(child.pid()).is_empty());
    }

    /// A second wait, or a signal to one that has ended, says which process and why.
    fn errors_name_the_process(_host) {
        let mut child = start(&program(&["sleep", "1000"]));
        let pid = child.pid().to_string();
        let no_signal = child.signal(99).expect_err("no such signal").to_string();
        child.signal(9).expect("SIGKILL is sent");
        child.wait().expect("the end of a child");
        let errors = [
            no_signal,
            child.signal(15).expect_err("nobody to signal").to_string(),
            child.wait().expect_err("nothing to wait for").to_string(),
        ];
        insta::assert_snapshot!("errors_of_a_child", errors.join("\n").replace(&pid, "PID"));
    }
}

#[test]
fn a_status_reads_well() {
    let all = [
        ExitStatus::Code(0),
        ExitStatus::Code(127),
        ExitStatus::Signal(9),
        ExitStatus::Signal(15),
        ExitStatus::Signal(37),
        ExitStatus::Signal(64),
    ];
    let lines: Vec<String> = all.iter().map(|status| format!("{status} (shown as {})", status.code())).collect();
    insta::assert_snapshot!("exit_statuses", lines.join("\n"));
}

/// From now on `signal` interrupts system calls, and its handler writes a line to `to`.
#[allow(unsafe_code, reason = "a handler is the only way to interrupt a system call")]
fn answer_without_restart(signal: Signal, to: RawFd) {
    static TO: AtomicI32 = AtomicI32::new(-1);
    extern "C" fn answer(_: i32) {
        // SAFETY: write(2) is async-signal-safe (signal-safety(7)), and the descriptor stays open as long as the test.
        unsafe { libc::write(TO.load(Ordering::Relaxed), c"\n".as_ptr().cast(), 1) };
    }
    TO.store(to, Ordering::Relaxed);
    let action = SigAction::new(SigHandler::Handler(answer), SaFlags::empty(), SigSet::empty());
    // SAFETY: sigaction(2). The handler does only what a handler may.
    unsafe { sigaction(signal, &action) }.expect("a handler");
}
