//! The supervisor's loop: every byte, every signal, the end, and no turning in circles.
mod common;

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use common::{Piped, children_of, is_sleep, program, shell, sleeps_in, start, start_piped, state, until};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;
use process::relay::{self, Pump, RelayError, Resize, Stream};
use process::signals::{Forwarded, Proxy};
use process::{Child, ExitStatus, Failure, Pending, Pty, Spawn, pty, sys};
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};
use testkit::{Host, kernel_test};

fn create(host: &Host, name: &str) -> OwnedFd {
    File::create(host.dir().join(name)).expect("a file").into()
}

fn contents(host: &Host, name: &str) -> String {
    fs::read_to_string(host.dir().join(name)).expect("a file")
}

fn nothing() -> OwnedFd {
    File::open("/dev/null").expect("/dev/null").into()
}

/// Runs the loop as `mini-docker run -i` does, with files in the place of its own streams.
fn relay_to_files(host: &Host, program: &process::Program, input: OwnedFd) -> ExitStatus {
    let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
    let Piped { mut child, stdin, stdout, stderr } = start_piped(program);
    let mut pumps = [
        Pump::input(input, stdin),
        Pump::output(stdout, create(host, "stdout"), Stream::Stdout),
        Pump::output(stderr, create(host, "stderr"), Stream::Stderr),
    ];
    relay::run(&mut child, &signals, &mut pumps, None, || {}).expect("the program's end")
}

/// Reads until `what` has come.
fn read_until(from: BorrowedFd, what: &str) {
    let mut text = String::new();
    while !text.contains(what) {
        let mut buffer = [0; 256];
        let length = nix::unistd::read(from, &mut buffer).expect("the program's output");
        assert!(length > 0, "the program ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

/// A process that runs the loop, to be looked at from outside. `arrange` makes its child and pumps.
fn supervisor(arrange: impl FnOnce() -> (Child, Vec<Pump>)) -> Pending {
    Spawn::new()
        .start(|_| -> Result<Infallible, Failure> {
            let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
            let (mut child, mut pumps) = arrange();
            let status = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect("the program's end");
            sys::exit_now(status.code())
        })
        .expect("a supervisor")
}

/// It sleeps, and goes on sleeping: a loop that polls something which is always ready is found running.
fn assert_sleeps(supervisor: Pid, parent_of_program: Pid) {
    until("the program has done its part and sleeps", || children_of(parent_of_program).into_iter().any(is_sleep));
    let asleep = || sleeps_in(supervisor) == "poll" && state(supervisor) == "S";
    until("the supervisor sleeps", || (0..500).all(|_| asleep()));
}

kernel_test! {
    /// Two streams stay two streams.
    fn stdout_and_stderr_stay_separate(host) {
        let status = relay_to_files(host, &shell("echo out; echo err >&2; echo out again; exit 6"), nothing());
        assert_eq!(status, ExitStatus::Code(6));
        assert_eq!((contents(host, "stdout"), contents(host, "stderr")), ("out\nout again\n".into(), "err\n".into()));
    }

    /// Ten megabytes in, ten megabytes out, while the pipes in between hold 64 KiB.
    fn ten_megabytes_arrive_intact(host) {
        let numbers: Vec<String> = (0..1_500_000).map(|number| number.to_string()).collect();
        let numbers = numbers.join("\n");
        fs::write(host.dir().join("stdin"), &numbers).expect("a file");
        let input = File::open(host.dir().join("stdin")).expect("the file");
        assert_eq!(relay_to_files(host, &program(&["cat"]), input.into()), ExitStatus::Code(0));
        assert!(contents(host, "stdout") == numbers, "what came out is not what went in");
    }

    /// The end of our input is the end of the program's.
    fn the_end_of_input_is_passed_on(host) {
        let (reader, writer) = relay::pipe().expect("a pipe");
        File::from(writer).write_all(b"one\ntwo\n").expect("room in a pipe");
        assert_eq!(relay_to_files(host, &shell("wc -l"), reader), ExitStatus::Code(0));
        assert_eq!(contents(host, "stdout").trim(), "2");
    }

    /// Input that the program does not want does not keep us from seeing its end.
    fn a_program_may_ignore_its_input(host) {
        let (reader, writer) = relay::pipe().expect("a pipe");
        assert_eq!(relay_to_files(host, &shell("exec <&-; exit 3"), reader), ExitStatus::Code(3));
        drop(writer);
        fs::write(host.dir().join("stdin"), vec![0; 10_000_000]).expect("a file");
        let input = File::open(host.dir().join("stdin")).expect("the file");
        assert_eq!(relay_to_files(host, &program(&["true"]), input.into()), ExitStatus::Code(0));
    }

    /// `yes | head -1`: who has read enough ends the relay, by docker's exit code, and the program is not waited for.
    fn a_reader_that_goes_away_ends_the_relay(_host) {
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let Piped { mut child, stdout, stderr, .. } = start_piped(&program(&["yes"]));
        let (reader, writer) = relay::pipe().expect("a pipe");
        drop(reader);
        let mut pumps =
            [Pump::output(stdout, writer, Stream::Stdout), Pump::output(stderr, nothing(), Stream::Stderr)];
        let error = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect_err("nobody reads");
        assert!(matches!(error, RelayError::Write { stream: "/dev/stdout", errno: Errno::EPIPE }), "{error}");
        assert_eq!(Failure::from(error).exit_code(), 1);
    }

    /// What cannot be written is an error, on either stream, also when the program has done its part.
    fn a_full_disk_is_an_error(_host) {
        for (script, stream) in [("echo out", "/dev/stdout"), ("echo err >&2", "/dev/stderr")] {
            let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
            let Piped { mut child, stdout, stderr, .. } = start_piped(&shell(script));
            let full = || File::options().write(true).open("/dev/full").expect("/dev/full").into();
            let mut pumps =
                [Pump::output(stdout, full(), Stream::Stdout), Pump::output(stderr, full(), Stream::Stderr)];
            let error = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect_err("there is no room");
            assert_eq!(error.to_string(), format!("write {stream}: no space left on device"));
            assert_eq!(Failure::from(error).exit_code(), 1);
        }
    }

    /// A signal for us is a signal for the program, even one that came before the loop began.
    fn signals_are_forwarded(host) {
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let Piped { mut child, stdout, .. } =
            start_piped(&shell("trap 'echo got it; exit 42' TERM; echo ready; while :; do read line; done"));
        read_until(stdout.as_fd(), "ready");
        kill(Pid::this(), Signal::SIGTERM).expect("a signal to ourselves");
        let mut pumps = [Pump::output(stdout, create(host, "stdout"), Stream::Stdout)];
        let status = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect("the program's end");
        assert_eq!((status, contents(host, "stdout").as_str()), (ExitStatus::Code(42), "got it\n"));
    }

    /// Also those that mean a fault when they come from the kernel, and those without a name.
    fn every_signal_is_forwarded(host) {
        // What cannot be caught; our children's, our readers' and our sockets'; the C library's own. And 18, which takes
        // back the stops that wait, as they do with it.
        const NEVER: [u32; 8] = [9, 19, 17, 13, 23, 32, 33, 18];
        let numbers: Vec<u32> = (1..=64).filter(|number| !NEVER.contains(number)).collect();
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let (reader, writer) = relay::pipe().expect("a pipe");
        let mut child = Spawn::new()
            .start(|gate| -> Result<Infallible, Failure> {
                gate.wait()?;
                let all = SigSet::all();
                all.thread_block().expect("signals are blocked");
                let signals = SignalFd::new(&all).expect("a signalfd");
                let mut writer = File::from(writer.try_clone().expect("a second descriptor"));
                gate.done();
                // The last comes last, here and in the relay.
                loop {
                    let number = signals.read_signal().expect("a signal").expect("a signal").ssi_signo;
                    writeln!(writer, "{number}").expect("room in a pipe");
                    if number == 64 {
                        sys::exit_now(0)
                    }
                }
            })
            .and_then(Pending::release)
            .expect("a child");
        drop(writer);
        let script = numbers.iter().map(|number| format!("kill -{number} $PPID")).collect::<Vec<_>>().join("; ");
        assert_eq!(start(&shell(&script)).wait().expect("the sender's end"), ExitStatus::Code(0));
        let mut pumps = [Pump::output(reader, create(host, "stdout"), Stream::Stdout)];
        let status = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect("the program's end");
        let mut seen: Vec<u32> = contents(host, "stdout").lines().filter_map(|line| line.parse().ok()).collect();
        seen.sort_unstable();
        assert_eq!((status, seen), (ExitStatus::Code(0), numbers));
    }

    /// A program that ignores `^C` is left at the third, whether it hears of them or not.
    fn the_third_interrupt_ends_the_relay(_host) {
        for proxy in [Proxy::UntilThird, Proxy::Never] {
            let (reader, writer) = relay::pipe().expect("a pipe");
            let supervisor = Spawn::new()
                .start(|_| -> Result<Infallible, Failure> {
                    let signals = Forwarded::block(proxy).expect("a signalfd");
                    let Piped { mut child, stdout, .. } =
                        start_piped(&shell("trap 'echo heard' INT TERM; echo ready; while :; do :; done"));
                    let mut pumps = [Pump::output(stdout, writer.try_clone().expect("a copy"), Stream::Stdout)];
                    let end = relay::run(&mut child, &signals, &mut pumps, None, || {});
                    drop(child);
                    sys::exit_now(Failure::from(end.expect_err("the third ends it")).exit_code())
                })
                .expect("a supervisor");
            drop(writer);
            let mut output = File::from(reader);
            let mut text = [0; "ready\n".len()];
            output.read_exact(&mut text).expect("the program's output");
            for signal in [Signal::SIGINT, Signal::SIGTERM] {
                kill(supervisor.pid(), signal).expect("a signal");
                until("the supervisor has read it", || !is_pending(supervisor.pid(), signal));
                if proxy == Proxy::UntilThird {
                    let mut text = [0; "heard\n".len()];
                    output.read_exact(&mut text).expect("the program's answer");
                }
            }
            kill(supervisor.pid(), Signal::SIGINT).expect("a signal");
            let ended = nix::sys::wait::waitpid(supervisor.pid(), None).expect("the supervisor's end");
            assert_eq!(ended, nix::sys::wait::WaitStatus::Exited(supervisor.pid(), 1), "{proxy:?}");
        }
        end_orphans();
    }

    /// When our window changes, so does the program's.
    fn the_window_size_follows(host) {
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let (ours, theirs) = (Pty::open().expect("our terminal"), Pty::open().expect("the program's terminal"));
        let mut child = on_terminal(&theirs, &shell("echo ready; read line; stty size"));
        drop(theirs.slave);
        read_until(theirs.master.as_fd(), "ready");
        let size = Winsize { ws_row: 43, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours.slave, size).expect("a size");
        kill(Pid::this(), Signal::SIGWINCH).expect("a signal to ourselves");
        let (reader, writer) = relay::pipe().expect("a pipe");
        File::from(writer).write_all(b"\n").expect("room in a pipe");
        let copy = || theirs.master.try_clone().expect("a second descriptor");
        let mut pumps = [Pump::input(reader, copy()), Pump::output(copy(), create(host, "stdout"), Stream::Stdout)];
        let resize = Resize { from: ours.slave.as_fd(), to: theirs.master.as_fd() };
        let status = relay::run(&mut child, &signals, &mut pumps, Some(resize), || {}).expect("the program's end");
        assert_eq!(status, ExitStatus::Code(0));
        assert!(contents(host, "stdout").contains("43 101"), "{:?}", contents(host, "stdout"));
        assert_eq!(tcgetwinsize(&theirs.master).expect("a size"), size);
    }

    /// A terminal takes a few KiB from us and no more, until the program reads. What that prints meanwhile must flow.
    fn a_full_terminal_does_not_stop_the_output(host) {
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let terminal = Pty::open().expect("a terminal");
        let input = host.dir().join("stdin");
        fs::write(&input, "line of input\n".repeat(20_000)).expect("a file");
        let mut child = on_terminal(&terminal, &shell("stty -echo; seq 1 50000; exit 5"));
        drop(terminal.slave);
        let copy = terminal.master.try_clone().expect("a second descriptor");
        let input = File::open(input).expect("the file");
        let mut pumps = [Pump::input(input.into(), copy), Pump::output(terminal.master, create(host, "stdout"), Stream::Stdout)];
        let status = relay::run(&mut child, &signals, &mut pumps, None, || {}).expect("the program's end");
        assert_eq!(status, ExitStatus::Code(5));
        assert!(contents(host, "stdout").contains("\n50000\r\n"));
    }

    /// Between the end of the program and the end of its output there is a moment to end what still holds the pipe.
    fn what_outlives_the_program_can_be_ended(host) {
        let signals = Forwarded::block(Proxy::UntilThird).expect("a signalfd");
        let Piped { mut child, stdout, .. } = start_piped(&shell("sleep 1000 & echo started; exit 2"));
        let mut calls = 0;
        let mut pumps = [Pump::output(stdout, create(host, "stdout"), Stream::Stdout)];
        let status = relay::run(&mut child, &signals, &mut pumps, None, || {
            calls += 1;
            let orphan = children_of(Pid::this())[0];
            kill(orphan, Signal::SIGKILL).expect("the orphan is there");
        });
        assert_eq!((status.expect("the program's end"), calls), (ExitStatus::Code(2), 1));
        assert_eq!(contents(host, "stdout"), "started\n");
        end_orphans();
    }

    /// None of the ways in which one side can be closed makes the loop spin.
    fn the_loop_sleeps_when_there_is_nothing_to_do(_host) {
        let sleeping = |script: &'static str| move || start_piped(&shell(script));
        let idle = supervisor(move || {
            let Piped { child, stdin, stdout, stderr } = sleeping("exec sleep 1000")();
            (
                child,
                vec![Pump::input(nothing(), stdin), Pump::output(stdout, nothing(), Stream::Stdout), Pump::output(stderr, nothing(), Stream::Stderr)],
            )
        });
        let closed_by_the_program = supervisor(move || {
            let Piped { child, stdin, stdout, stderr } = sleeping("exec sleep 1000 <&- >&- 2>&-")();
            let endless = File::open("/dev/zero").expect("/dev/zero").into();
            (child, vec![Pump::input(endless, stdin), Pump::output(stdout, nothing(), Stream::Stdout), Pump::output(stderr, nothing(), Stream::Stderr)])
        });
        let full = supervisor(move || {
            let Piped { child, stdin, stdout, .. } = sleeping("exec sleep 1000")();
            let endless = File::open("/dev/zero").expect("/dev/zero").into();
            (child, vec![Pump::input(endless, stdin), Pump::output(stdout, nothing(), Stream::Stdout)])
        });
        for pending in [&idle, &closed_by_the_program, &full] {
            assert_sleeps(pending.pid(), pending.pid());
        }
        let outlived = supervisor(move || {
            let Piped { child, stdout, .. } = sleeping("sleep 1000 & exit 0")();
            (child, vec![Pump::output(stdout, nothing(), Stream::Stdout)])
        });
        // Its parent has ended, so it has come to us.
        assert_sleeps(outlived.pid(), Pid::this());
        drop((idle, closed_by_the_program, full, outlived));
        end_orphans();
    }
}

/// Starts `program` with `terminal` as its controlling terminal.
fn on_terminal(terminal: &Pty, program: &process::Program) -> Child {
    Spawn::new()
        .start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            nix::unistd::setsid().expect("a new session");
            pty::take_over(&terminal.slave)?;
            Ok(program.exec(gate)?)
        })
        .and_then(Pending::release)
        .expect("the program starts")
}

/// Whether `signal` waits for `pid`, which blocks it.
fn is_pending(pid: Pid, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("ShdPnd:\t")).unwrap_or_default();
    u64::from_str_radix(bits, 16).unwrap_or_default() & 1 << (signal as i32 - 1) != 0
}

/// The programs of killed supervisors have come to us, PID 1.
fn end_orphans() {
    for pid in children_of(Pid::this()) {
        let _ = kill(pid, Signal::SIGKILL);
        let _ = nix::sys::wait::waitpid(pid, None);
    }
}

#[test]
fn a_pipe_has_two_ends() {
    let (reader, writer) = relay::pipe().expect("a pipe");
    File::from(writer).write_all(b"through").expect("room in a pipe");
    let mut text = String::new();
    File::from(reader).read_to_string(&mut text).expect("what was written");
    assert_eq!(text, "through");
}
