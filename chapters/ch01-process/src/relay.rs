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

use crate::child::{Child, ChildError, ExitStatus};
use crate::detach_keys::{DetachKeys, Typed};
use crate::pty;
use crate::signals::{Forwarded, Proxy, asks_for_end};
use crate::{Diagnose, FailureKind};

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
    /// What the child printed could not be written: nobody reads, or there is no room.
    #[error("write {stream}: {}", errno.desc().to_lowercase())]
    Write {
        /// Ours: `/dev/stdout` or `/dev/stderr`.
        stream: &'static str,
        /// The kernel's reason; `EPIPE` when the reader has gone.
        errno: Errno,
    },
    /// Somebody typed the keys that end the relay and not the child.
    #[error("read escape sequence")]
    Detached,
    /// Whoever supervises the child for us is gone.
    #[error("the connection to the container is lost")]
    Lost,
    /// Somebody asked for the end three times, and the child goes on.
    #[error("got 3 SIGTERM/SIGINTs, forcefully exiting")]
    Impatience,
    /// The child could not be waited for.
    #[error(transparent)]
    Child(#[from] ChildError),
}

impl Diagnose for RelayError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        crate::inner!(self, Child)
    }

    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Write { .. } | Self::Impatience | Self::Detached).then_some(FailureKind::Caller)
    }
}

/// What the relay is about: a child of ours, or somebody else's whom we hear of. Its descriptor is readable when there is
/// something to hear.
pub trait Attended: AsFd {
    /// How it ended, if that is what there was to hear.
    ///
    /// # Errors
    /// [`RelayError::Child`], [`RelayError::Lost`].
    fn hear(&mut self) -> Result<Option<ExitStatus>, RelayError>;

    /// Passes a signal on. One that has just ended is no reason to complain.
    fn pass(&self, signal: i32);
}

impl Attended for Child {
    fn hear(&mut self) -> Result<Option<ExitStatus>, RelayError> {
        Ok(Some(self.wait()?))
    }

    fn pass(&self, signal: i32) {
        let _ = self.signal(signal);
    }
}

/// Where output goes to, as messages call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// `/dev/stdout`.
    Stdout,
    /// `/dev/stderr`.
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "/dev/stdout",
            Self::Stderr => "/dev/stderr",
        }
    }
}

/// Bytes on their way from one descriptor to another.
#[derive(Debug)]
pub struct Pump {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    buffer: Vec<u8>,
    /// Of ours, for output; `None` is our input, which may never end by itself and ends with the child at the latest.
    stream: Option<Stream>,
    /// For input from a terminal.
    detach: Option<DetachKeys>,
}

impl Pump {
    /// From the child to our `stream`: runs until the child's side is closed, past the child's own end.
    pub fn output(from: OwnedFd, to: OwnedFd, stream: Stream) -> Self {
        Self { from: Some(from), to: Some(to), buffer: Vec::new(), stream: Some(stream), detach: None }
    }

    /// From us to the child: the end of `from` closes `to`.
    pub fn input(from: OwnedFd, to: OwnedFd) -> Self {
        // A terminal takes less than it is offered and would have us wait for the program inside to read, while that
        // waits for us to read what it prints. The child's side is nobody's but ours, so the flag disturbs no one.
        let _ = fcntl(&to, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        Self { from: Some(from), to: Some(to), buffer: Vec::new(), stream: None, detach: None }
    }

    /// These keys end the relay, with [`RelayError::Detached`].
    #[must_use]
    pub fn until(mut self, keys: DetachKeys) -> Self {
        self.detach = Some(keys);
        self
    }

    fn is_input(&self) -> bool {
        self.stream.is_none()
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

    /// How long the keys that may be the beginning of the sequence wait for the next one.
    fn patience(&self) -> PollTimeout {
        self.detach.as_ref().filter(|_| self.buffer.is_empty()).map_or(PollTimeout::NONE, DetachKeys::patience)
    }

    /// Nothing followed them in time: they were meant for the child.
    fn give_up_waiting(&mut self) {
        if let Some(keys) = &mut self.detach {
            self.buffer.extend(keys.release());
        }
    }

    // ANCHOR: advance
    /// Moves one portion. A child that does not read its input any more ends that pump; a reader of ours that has gone,
    /// or a full disk, ends the relay: a program that nobody hears would go on for ever (`yes | head -1`).
    fn advance(&mut self) -> Result<(), RelayError> {
        if self.buffer.is_empty() {
            self.fill()?;
        } else if let Some(to) = &self.to {
            // ANCHOR: portion
            let portion = &self.buffer[..self.buffer.len().min(ATOMIC_WRITE)];
            match (write(to, portion), self.stream) {
                (Ok(written), _) => drop(self.buffer.drain(..written)),
                (Err(Errno::EINTR | Errno::EAGAIN), _) => {}
                (Err(errno), Some(stream)) => return Err(RelayError::Write { stream: stream.name(), errno }),
                (Err(_), None) => {
                    self.buffer.clear();
                    (self.from, self.to) = (None, None);
                }
            }
            // ANCHOR_END: portion
        }
        if self.from.is_none() && self.buffer.is_empty() {
            self.to = None;
        }
        Ok(())
    }
    // ANCHOR_END: advance

    fn fill(&mut self) -> Result<(), RelayError> {
        let Some(from) = &self.from else { return Ok(()) };
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
        }
        if let Some(keys) = &mut self.detach {
            match keys.type_in(&self.buffer) {
                Typed::Keys(bytes) => self.buffer = bytes,
                Typed::Detach => return Err(RelayError::Detached),
            }
        }
        Ok(())
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

/// Runs until `child` has ended and its output is read, and returns how it ended. Signals go to the child, as
/// far as `signals` says so; `SIGWINCH` sets its window size besides. `ended` is called once between the end and the
/// rest of the output (to kill what still holds the pipes).
///
/// # Errors
/// [`RelayError`]. The child then runs still, unless it is dropped.
pub fn run(
    child: &mut impl Attended,
    signals: &Forwarded,
    pumps: &mut [Pump],
    resize: Option<Resize>,
    mut ended: impl FnMut(),
) -> Result<ExitStatus, RelayError> {
    let mut status = None;
    let mut patience = Patience::new(signals.proxy());
    loop {
        if status.is_some() && pumps.iter().all(|pump| pump.is_input() || pump.done()) {
            return Ok(status.unwrap_or(ExitStatus::Code(0)));
        }
        let ready = wait_for(child, signals, pumps, status.is_some())?;
        if ready.silence {
            pumps.iter_mut().for_each(Pump::give_up_waiting);
        }
        if ready.signal {
            while let Some(signal) = next_signal(signals)? {
                patience.hear(signal)?;
                if let Some(Resize { from, to }) = resize.filter(|_| signal == Signal::SIGWINCH as i32) {
                    pty::copy_window_size(from, to);
                }
                if signals.proxy() != Proxy::Never {
                    child.pass(signal);
                }
            }
        }
        for index in ready.pumps {
            pumps[index].advance()?;
        }
        if ready.child && status.is_none() {
            status = child.hear()?;
            if status.is_some() {
                ended();
            }
        }
    }
}

/// How often one may still ask for the end before it comes.
struct Patience(Option<u8>);

impl Patience {
    fn new(proxy: Proxy) -> Self {
        Self((proxy != Proxy::Always).then_some(2))
    }

    /// The third wish for an end is the last.
    fn hear(&mut self, signal: i32) -> Result<(), RelayError> {
        let Some(left) = self.0.as_mut().filter(|_| asks_for_end(signal)) else { return Ok(()) };
        *left = left.checked_sub(1).ok_or(RelayError::Impatience)?;
        Ok(())
    }
}

/// What `poll` found.
struct Ready {
    /// Nothing at all, for as long as keys are held back.
    silence: bool,
    child: bool,
    signal: bool,
    pumps: Vec<usize>,
}

fn wait_for(child: &impl Attended, signals: &Forwarded, pumps: &[Pump], over: bool) -> Result<Ready, RelayError> {
    let (mut interests, mut indices) = (Vec::with_capacity(5), Vec::with_capacity(3));
    interests.push(PollFd::new(signals.as_fd(), PollFlags::POLLIN));
    for (index, pump) in pumps.iter().enumerate().filter(|(_, pump)| !(over && pump.is_input())) {
        if let Some(interest) = pump.interest() {
            interests.push(interest);
            indices.push(index);
        }
    }
    if !over {
        interests.push(PollFd::new(child.as_fd(), PollFlags::POLLIN));
    }
    let patience = pumps.iter().map(Pump::patience).find(PollTimeout::is_some).unwrap_or(PollTimeout::NONE);
    let silence = match poll(&mut interests, patience) {
        Ok(count) => count == 0,
        Err(Errno::EINTR) => false,
        Err(errno) => return Err(RelayError::Kernel { action: "wait for the container", errno }),
    };
    let ready: Vec<bool> = interests.iter().map(|interest| interest.any().unwrap_or(false)).collect();
    Ok(Ready {
        silence,
        signal: ready[0],
        pumps: indices.iter().enumerate().filter(|(at, _)| ready[at + 1]).map(|(_, index)| *index).collect(),
        child: !over && ready.last() == Some(&true),
    })
}

fn next_signal(signals: &Forwarded) -> Result<Option<i32>, RelayError> {
    signals.next().map_err(|errno| RelayError::Kernel { action: "read a signal", errno })
}

/// A pipe, both ends close-on-exec: the reader first.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC)?)
}
