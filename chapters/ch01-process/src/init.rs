//! What PID 1 owes its namespace: reap every orphan, pass signals on, end with its child.
//!
//! The kernel gives orphans to PID 1 and ignores signals that it has no handler for. A program that does not know
//! this leaves zombies and cannot be stopped; `--init` puts this loop in front of it.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, setpgid};
use rustix::process::{WaitOptions, wait};
use thiserror::Error;

use crate::child::{Child, ExitStatus};
use crate::signals::Forwarded;
use crate::spawn::{Spawn, SpawnError};
use crate::{Diagnose, ExecError, Failure, Program};

/// Why PID 1 gave up.
#[derive(Debug, Error)]
pub enum InitError {
    /// The program did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// A call of the loop failed.
    #[error("{action}: {errno}")]
    Kernel {
        /// What we were doing.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for InitError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        crate::inner!(self, Spawn)
    }
}

/// Runs `program` as a child, and looks after the namespace until that child has ended.
///
/// # Errors
/// [`InitError`].
pub fn run(program: &Program) -> Result<ExitStatus, InitError> {
    run_then(program, || {})
}

/// The same, and calls `started` once the program runs: for [`Gate::done`](crate::Gate::done).
///
/// # Errors
/// [`InitError`].
// ANCHOR: run
pub fn run_then(program: &Program, started: impl FnOnce()) -> Result<ExitStatus, InitError> {
    let signals = Forwarded::block_with(&[Signal::SIGCHLD])
        .map_err(|errno| InitError::Kernel { action: "block signals", errno })?;
    let child = Spawn::new()
        .start(|gate| {
            gate.wait().map_err(Failure::from)?;
            lead_foreground();
            program.exec(gate).map_err(|error: ExecError| Failure::from(error))
        })?
        .release()?;
    started();
    // `child` was reaped by number; its own wait, in `drop`, finds nothing left and returns.
    supervise(&child, &signals)
}
// ANCHOR_END: run

/// Passes every signal of `signals`, which must have `SIGCHLD`, on to `child`, and reaps whoever ends, until it is `child`.
///
/// # Errors
/// [`InitError::Kernel`].
pub fn supervise(child: &Child, signals: &Forwarded) -> Result<ExitStatus, InitError> {
    let mut main = None;
    // ANCHOR: supervise
    while main.is_none() {
        let mut interest = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut interest, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(InitError::Kernel { action: "wait for a signal", errno }),
        }
        while let Some(signal) = signals.next().map_err(|errno| InitError::Kernel { action: "read a signal", errno })? {
            if signal != Signal::SIGCHLD as i32 {
                let _ = child.signal(signal);
            }
        }
        main = reap(child.pid());
    }
    // ANCHOR_END: supervise
    Ok(main.unwrap_or(ExitStatus::Code(0)))
}

/// A process group of the program's own, in the terminal's foreground if there is one: else ^C would reach it twice,
/// from the terminal and from PID 1, which the terminal interrupts too.
fn lead_foreground() {
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    // SIGTTOU, which stops a background process that does this, is blocked until exec.
    let _ = nix::unistd::tcsetpgrp(io::stdin(), getpid());
}

/// Reaps all that have ended, ours and orphans alike; the status of `main` if it was among them.
// ANCHOR: reap
fn reap(main: Pid) -> Option<ExitStatus> {
    let mut ended: Option<ExitStatus> = None;
    // ANCHOR: ex_reap
    loop {
        // One SIGCHLD can stand for many ends: signals do not queue.
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == main.as_raw() => {
                ended = Some(ExitStatus::from_parts(status.exit_status(), status.terminating_signal()));
            }
            // An orphan: its parent is gone, nobody asks for its status.
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            // Nobody else has ended, or nobody else is there (ECHILD).
            Ok(None) | Err(_) => return ended,
        }
    }
    // ANCHOR_END: ex_reap
}
// ANCHOR_END: reap
