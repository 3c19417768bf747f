//! PID 1 of a PID namespace: it reaps whatever is left to it, passes signals on, and ends with its program.
mod common;

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;

use common::{children_of, program, shell, sleeps_in, stat, state, until};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::{Child, Failure, Pending, Program, Pty, Spawn, SpawnError, init, pty, relay, sys};
use testkit::{judge, kernel_test};

const REAP: &str = "ch01-process, \"What PID 1 owes its namespace\"";

/// Why PID 1 has this exit status, where its orphans were killed.
fn orphans_status(seen: u8) -> String {
    const KILLED: u8 = 137;
    match seen {
        KILLED => {
            "that is the orphan's status: only the end of the program, `main`, ends PID 1 and gives its status".into()
        }
        _ => "unknown".into(),
    }
}

/// `init::run` as PID 1 of a new namespace. Its program prints into the pipe that comes back.
fn try_init(program: &Program) -> Result<(Child, OwnedFd), SpawnError> {
    let (reader, writer) = relay::pipe().expect("a pipe");
    let child = Spawn::new()
        .namespaces(CloneFlags::CLONE_NEWPID)
        .start(|gate| -> Result<Infallible, Failure> {
            gate.wait()?;
            nix::unistd::dup2_stdout(&writer).expect("standard output");
            let status = init::run_then(program, || gate.done())?;
            sys::exit_now(status.code())
        })?
        .release()?;
    Ok((child, reader))
}

fn init_with(program: &Program) -> (Child, BufReader<File>) {
    let (child, reader) = try_init(program).expect("init starts");
    (child, BufReader::new(reader.into()))
}

fn next_line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("the program's output");
    line.trim().to_owned()
}

/// A program that leaves `count` orphans to PID 1 (the shell in between ends at once) and then waits for SIGTERM.
fn leaving_orphans(count: usize) -> Program {
    shell(&format!(
        "i=0; while [ $i -lt {count} ]; do (sleep 1000 & :) ; i=$((i+1)); done
         trap 'exit 42' TERM; echo ready; while :; do read line; done"
    ))
}

fn sleeps_or_has_ended(init: Pid) -> bool {
    // On its way out it may sleep for an instant; a look or two would mistake that for its loop.
    (0..200).all(|_| state(init) == "S") || state(init) == "Z"
}

/// The orphans that PID 1 has by now.
fn orphans_of(init: Pid) -> Vec<Pid> {
    children_of(init).into_iter().filter(|pid| common::is_sleep(*pid)).collect()
}

kernel_test! {
    /// The namespace ends with the program, and with its status.
    fn init_ends_as_its_program_ends(_host) {
        for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -35 $$", 163)] {
            let (mut init, _output) = init_with(&shell(script));
            assert_eq!(init.wait().expect("the end of PID 1").code(), code, "{script}");
        }
    }

    /// A program that is not there is 127, as without an init in between.
    fn a_missing_program_is_reported_through_init(_host) {
        let error = try_init(&program(&["no-such-program"])).expect_err("no such program");
        insta::assert_snapshot!("missing_program_behind_init", common::as_printed_error(error));
    }

    /// One SIGCHLD may stand for many ends: signals do not queue.
    fn all_orphans_are_reaped(_host) {
        let (mut init, mut output) = init_with(&leaving_orphans(5));
        assert_eq!(next_line(&mut output), "ready");
        until("PID 1 has five orphans", || orphans_of(init.pid()).len() == 5);
        let (program, orphans) = (children_of(init.pid())[0], orphans_of(init.pid()));
        // While PID 1 is stopped they all end. It finds one SIGCHLD.
        init.signal(Signal::SIGSTOP as i32).expect("PID 1 is there");
        until("PID 1 is stopped", || state(init.pid()) == "T");
        for orphan in &orphans {
            kill(*orphan, Signal::SIGKILL).expect("the orphan is there");
        }
        until("all orphans have ended", || orphans.iter().all(|orphan| state(*orphan) == "Z"));
        init.signal(Signal::SIGCONT as i32).expect("PID 1 is there");
        until("PID 1 has reaped one and sleeps again", || {
            orphans.iter().any(|orphan| state(*orphan).is_empty()) && sleeps_or_has_ended(init.pid())
        });
        let zombies = orphans.iter().filter(|orphan| state(**orphan) == "Z").count();
        judge("zombies left after five orphans have ended at once")
            .expected(0)
            .seen(zombies)
            .cause(|seen| match seen {
                4 => "one waitpid for one SIGCHLD: signals do not queue, so go on until nobody else has ended".into(),
                _ => "unknown".into(),
            })
            .read(REAP);
        // Nobody to signal, if PID 1 has ended by mistake.
        let _ = kill(program, Signal::SIGTERM);
        judge("the exit status of PID 1 after its orphans were killed and its program ended with 42")
            .expected(42)
            .seen(init.wait().expect("the end of PID 1").code())
            .cause(|seen| orphans_status(*seen))
            .read(REAP);
    }

    /// Between ends PID 1 sleeps where it also hears signals, not in `waitpid`.
    fn reaping_does_not_block(_host) {
        let (mut init, mut output) = init_with(&leaving_orphans(1));
        assert_eq!(next_line(&mut output), "ready");
        until("PID 1 has an orphan", || orphans_of(init.pid()).len() == 1);
        let orphan = orphans_of(init.pid())[0];
        kill(orphan, Signal::SIGKILL).expect("the orphan is there");
        until("PID 1 has reaped it and sleeps again", || state(orphan).is_empty() && sleeps_or_has_ended(init.pid()));
        let call = sleeps_in(init.pid());
        let end = (state(init.pid()) == "Z").then(|| init.wait().expect("the end of PID 1").code());
        judge("the call in which PID 1 sleeps after it has reaped an orphan")
            .expected("poll")
            .seen(call)
            .cause(|seen| match (end, *seen) {
                (Some(code), _) => orphans_status(code),
                (None, "waitpid" | "waitid") => {
                    "it waits for the next end (no WNOHANG), and no signal is passed on until that comes".into()
                }
                _ => "unknown".into(),
            })
            .read(REAP);
    }

    /// The status of an orphan is nobody's business.
    fn an_orphan_does_not_end_the_namespace(_host) {
        let (mut init, mut output) = init_with(&leaving_orphans(1));
        assert_eq!(next_line(&mut output), "ready");
        until("PID 1 has an orphan", || orphans_of(init.pid()).len() == 1);
        let (program, orphan) = (children_of(init.pid())[0], orphans_of(init.pid())[0]);
        kill(orphan, Signal::SIGKILL).expect("the orphan is there");
        until("PID 1 has reaped it and sleeps again, or ends", || {
            state(orphan).is_empty() && sleeps_or_has_ended(init.pid())
        });
        // Nobody to signal, if PID 1 has ended by mistake.
        let _ = kill(program, Signal::SIGTERM);
        judge("the exit status of PID 1 when an orphan is killed and then the program exits with 42")
            .expected(42)
            .seen(init.wait().expect("the end of PID 1").code())
            .cause(|seen| orphans_status(*seen))
            .read(REAP);
    }

    /// The kernel drops signals for a PID 1 that has no handler. Ours passes them on.
    fn signals_are_passed_on(_host) {
        for (signal, name) in [(Signal::SIGTERM, "TERM"), (Signal::SIGHUP, "HUP"), (Signal::SIGUSR2, "USR2")] {
            let (mut init, mut output) = init_with(&shell(&format!(
                "trap 'echo got {name}; exit 42' {name}; echo ready; while :; do read line; done"
            )));
            assert_eq!(next_line(&mut output), "ready");
            init.signal(signal as i32).expect("PID 1 is there");
            assert_eq!(next_line(&mut output), format!("got {name}"));
            assert_eq!(init.wait().expect("the end of PID 1").code(), 42);
        }
    }

    /// Everything else in the namespace ends with PID 1: the kernel sees to that.
    fn nothing_outlives_the_program(_host) {
        let (mut init, mut output) = init_with(&shell("(sleep 1000 & :); (sleep 1000 & :); exit 0"));
        assert_eq!(init.wait().expect("the end of PID 1").code(), 0);
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("the end of the pipe: nobody has it open any more");
    }

    /// ^C interrupts the foreground group: the program's own, or it would get the signal twice, once from PID 1.
    fn the_program_leads_the_foreground(_host) {
        let terminal = Pty::open().expect("a terminal");
        let sleeper = program(&["sleep", "1000"]);
        let init = Spawn::new()
            .namespaces(CloneFlags::CLONE_NEWPID)
            .start(|gate| -> Result<Infallible, Failure> {
                gate.wait()?;
                nix::unistd::setsid().expect("a new session");
                pty::take_over(&terminal.slave)?;
                let status = init::run_then(&sleeper, || gate.done())?;
                sys::exit_now(status.code())
            })
            .and_then(Pending::release)
            .expect("init starts");
        let program = children_of(init.pid())[0];
        assert_eq!(stat(program, 5), program.to_string(), "process group of the program");
        assert_eq!(stat(program, 8), program.to_string(), "foreground process group of the terminal");
        assert_eq!(stat(init.pid(), 5), init.pid().to_string(), "process group of PID 1");
        nix::unistd::write(&terminal.master, b"\x03").expect("a key");
        let mut init = init;
        assert_eq!(init.wait().expect("the end of PID 1").code(), 130);
    }
}
