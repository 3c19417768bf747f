//! The supervisor's loop: copy bytes, pass signals on, see the end. One thread, one `poll(2)`.
//!
//! A container's standard streams are pipes or a terminal of its own, never ours: a descriptor of the host's terminal
//! or of a file outside would be a door (`/proc/self/fd/1` can be opened again, for writing).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{read, write};
use thiserror::Error;

use crate::Diagnose;
use crate::child::{Child, ChildError, ExitStatus};
use crate::pty;
use crate::signals::Forwarded;

/// A pipe takes this much (`PIPE_BUF`) without blocking whenever `poll` calls it writable.
const ATOMIC_WRITE: usize = 4096;
const BUFFER: usize = 64 * 1024;

/// Why the relay stopped early.
#[derive(Debug, Error)]
pub enum RelayError {
    /// `poll(2)` or `signalfd(2)` failed.
    #[error("{action}: {errno}")]
    Kernel {
        /// What we were doing.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The child could not be waited for.
    #[error(transparent)]
    Child(#[from] ChildError),
}

impl Diagnose for RelayError {}

/// Bytes on their way from one descriptor to another.
#[derive(Debug)]
pub struct Pump {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    buffer: Vec<u8>,
    /// Ends with the child at the latest: our own input, which may never end by itself.
    input: bool,
}

impl Pump {
    /// From the child to us: runs until the child's side is closed, past the child's own end.
    pub fn output(from: OwnedFd, to: OwnedFd) -> Self {
        Self { from: Some(from), to: Some(to), buffer: Vec::new(), input: false }
    }

    /// From us to the child: the end of `from` closes `to`.
    pub fn input(from: OwnedFd, to: OwnedFd) -> Self {
        // A terminal takes less than it is offered and would have us wait for the program inside to read, while that
        // waits for us to read what it prints. The child's side is nobody's but ours, so the flag disturbs no one.
        let _ = fcntl(&to, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        Self { from: Some(from), to: Some(to), buffer: Vec::new(), input: true }
    }

    fn done(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// What to wait for next: room to write what we hold, or more to read.
    fn interest(&self) -> Option<PollFd<'_>> {
        match (&self.from, &self.to) {
            (_, Some(to)) if !self.buffer.is_empty() => Some(PollFd::new(to.as_fd(), PollFlags::POLLOUT)),
            (Some(from), _) => Some(PollFd::new(from.as_fd(), PollFlags::POLLIN)),
            _ => None,
        }
    }

    // ANCHOR: advance
    /// Moves one portion. A reader that went away (`EPIPE`) ends an input; output is then read and dropped, as docker
    /// does, so that the program inside does not hang.
    fn advance(&mut self) {
        if self.buffer.is_empty() {
            self.fill();
        } else if let Some(to) = &self.to {
            let portion = &self.buffer[..self.buffer.len().min(ATOMIC_WRITE)];
            match write(to, portion) {
                Ok(written) => drop(self.buffer.drain(..written)),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(_) => {
                    self.buffer.clear();
                    self.to = None;
                    if self.input {
                        self.from = None;
                    }
                }
            }
        }
        if self.from.is_none() && self.buffer.is_empty() {
            self.to = None;
        }
    }
    // ANCHOR_END: advance

    fn fill(&mut self) {
        let Some(from) = &self.from else { return };
        self.buffer.resize(BUFFER, 0);
        let got = match read(from, &mut self.buffer) {
            Ok(length) => Some(length).filter(|length| *length > 0),
            Err(Errno::EINTR | Errno::EAGAIN) => Some(0),
            // EIO is how a terminal's master says that no slave is open any more.
            Err(_) => None,
        };
        self.buffer.truncate(got.unwrap_or(0));
        if got.is_none() {
            self.from = None;
        } else if self.to.is_none() {
            self.buffer.clear();
        }
    }
}

/// The terminal whose size the child's follows.
#[derive(Debug, Clone, Copy)]
pub struct Resize<'fd> {
    /// Ours.
    pub from: BorrowedFd<'fd>,
    /// The child's master side.
    pub to: BorrowedFd<'fd>,
}

/// Runs until `child` has ended and its output is read, and returns how it ended. `SIGWINCH` sets the child's window
/// size, `ended` is called once between the end and the rest of the output (to kill what still holds the pipes),
/// every other signal goes to the child.
///
/// # Errors
/// [`RelayError`].
pub fn run(
    child: &mut Child,
    signals: &Forwarded,
    pumps: &mut [Pump],
    resize: Option<Resize>,
    mut ended: impl FnMut(),
) -> Result<ExitStatus, RelayError> {
    let mut status = None;
    loop {
        if status.is_some() && pumps.iter().all(|pump| pump.input || pump.done()) {
            return Ok(status.unwrap_or(ExitStatus::Code(0)));
        }
        let ready = wait_for(child, signals, pumps, status.is_some())?;
        if ready.signal {
            while let Some(signal) = next_signal(signals)? {
                match (signal, resize) {
                    (Signal::SIGWINCH, Some(Resize { from, to })) => pty::copy_window_size(from, to),
                    // A child that has just ended is no reason to complain.
                    _ => drop(child.signal(signal as i32)),
                }
            }
        }
        for index in ready.pumps {
            pumps[index].advance();
        }
        if ready.child && status.is_none() {
            status = Some(child.wait()?);
            ended();
        }
    }
}

/// What `poll` found.
struct Ready {
    child: bool,
    signal: bool,
    pumps: Vec<usize>,
}

fn wait_for(child: &Child, signals: &Forwarded, pumps: &[Pump], over: bool) -> Result<Ready, RelayError> {
    let (mut interests, mut indices) = (Vec::with_capacity(5), Vec::with_capacity(3));
    interests.push(PollFd::new(signals.as_fd(), PollFlags::POLLIN));
    for (index, pump) in pumps.iter().enumerate().filter(|(_, pump)| !(over && pump.input)) {
        if let Some(interest) = pump.interest() {
            interests.push(interest);
            indices.push(index);
        }
    }
    if !over {
        interests.push(PollFd::new(child.as_fd(), PollFlags::POLLIN));
    }
    match poll(&mut interests, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(RelayError::Kernel { action: "wait for the container", errno }),
    }
    let ready: Vec<bool> = interests.iter().map(|interest| interest.any().unwrap_or(false)).collect();
    Ok(Ready {
        signal: ready[0],
        pumps: indices.iter().enumerate().filter(|(at, _)| ready[at + 1]).map(|(_, index)| *index).collect(),
        child: !over && ready.last() == Some(&true),
    })
}

fn next_signal(signals: &Forwarded) -> Result<Option<Signal>, RelayError> {
    signals.next().map_err(|errno| RelayError::Kernel { action: "read a signal", errno })
}

/// A pipe, both ends close-on-exec: the reader first.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC)?)
}
