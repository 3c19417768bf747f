//! A command's side of the line to a shim. It does not wait for one that is stuck.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use process::{Diagnose, Failure, FailureKind};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use thiserror::Error;

use crate::store::Store;
use crate::wire::{Answer, Line, PROTOCOL, Request};

/// How long a shim may take to say a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// What goes wrong between a command and a shim.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
    /// It lives, and says nothing.
    #[error("the shim of container {id} (process {pid}) does not answer")]
    Stuck {
        /// The container.
        id: String,
        /// The shim.
        pid: i32,
    },
    /// It went away in the middle.
    #[error("the shim of container {0} is gone")]
    Gone(String),
    /// A later program has started it.
    #[error("the shim of container {id} speaks protocol {found}, and this program speaks {PROTOCOL}")]
    Newer {
        /// The container.
        id: String,
        /// Its protocol.
        found: u32,
    },
    /// The line could not be laid.
    #[error("call the shim of container {id}: {source}")]
    Call {
        /// The container.
        id: String,
        /// The reason.
        source: io::Error,
    },
}

impl Diagnose for ControlError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Newer { .. } => FailureKind::Unsupported,
            _ => FailureKind::System,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Stuck { .. } => Some("rm -f ends the container, and its shim with it".into()),
            Self::Newer { .. } => Some("use the mini-docker that started it".into()),
            _ => None,
        }
    }
}

/// A line to a shim that has said hello.
#[derive(Debug)]
pub(crate) struct Control {
    id: String,
    line: Line,
    protocol: u32,
}

impl Control {
    /// Calls the shim of container `id`; `None` if there is none.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn call(store: &Store, id: &str) -> Result<Option<Self>, ControlError> {
        let failed = |source: io::Error| ControlError::Call { id: id.into(), source };
        let directory = match File::open(store.life(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let line = match Line::connect(&directory) {
            Err(Errno::CONNREFUSED | Errno::NOENT) => return Ok(None),
            other => other.map_err(|error| failed(error.into()))?,
        };
        line.patience(Some(PATIENCE)).map_err(|error| failed(error.into()))?;
        let mut control = Self { id: id.into(), line, protocol: 0 };
        match control.hear()? {
            None => Ok(None),
            Some((Answer::Hello { protocol }, _)) if protocol <= PROTOCOL => {
                control.protocol = protocol;
                Ok(Some(control))
            }
            Some((Answer::Hello { protocol }, _)) => Err(ControlError::Newer { id: id.into(), found: protocol }),
            Some(_) => Err(ControlError::Gone(id.into())),
        }
    }

    /// What its shim speaks: one of an earlier release knows fewer requests.
    pub(crate) fn protocol(&self) -> u32 {
        self.protocol
    }

    fn hear(&self) -> Result<Option<(Answer, Option<OwnedFd>)>, ControlError> {
        match self.line.receive::<Answer>() {
            Ok(heard) => Ok(heard.map(|(answer, descriptors)| (answer, descriptors.into_iter().next()))),
            Err(Errno::AGAIN) => Err(self.stuck()),
            Err(error) => Err(ControlError::Call { id: self.id.clone(), source: error.into() }),
        }
    }

    fn stuck(&self) -> ControlError {
        let pid = socket_peercred(&self.line).map_or(0, |peer| peer.pid.as_raw_nonzero().get());
        ControlError::Stuck { id: self.id.clone(), pid }
    }

    fn say(&self, request: Request) -> Result<(), ControlError> {
        match self.line.send(&request, &[]) {
            Ok(()) => Ok(()),
            Err(Errno::PIPE | Errno::CONNRESET) => Err(ControlError::Gone(self.id.clone())),
            Err(Errno::AGAIN) => Err(self.stuck()),
            Err(error) => Err(ControlError::Call { id: self.id.clone(), source: error.into() }),
        }
    }

    /// Has it do something; returns what comes with the answer.
    ///
    /// # Errors
    /// [`Failure`]: what it says, or [`ControlError`].
    pub(crate) fn demand(&self, request: Request) -> Result<Option<OwnedFd>, Failure> {
        self.say(request)?;
        loop {
            match self.hear()? {
                Some((Answer::Done, descriptor)) => return Ok(descriptor),
                Some((Answer::Failed(failure), _)) => return Err(failure),
                // Told to one who waits, too.
                Some((Answer::Ended { .. } | Answer::Hello { .. }, _)) => {}
                None => return Err(ControlError::Gone(self.id.clone()).into()),
            }
        }
    }

    /// Asks to hear of the end.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn listen(&self) -> Result<(), ControlError> {
        self.say(Request::Wait)
    }

    /// The exit code, once the program has ended; `None` if it has not after `patience`.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn end(&self, patience: Option<Duration>) -> Result<Option<u8>, ControlError> {
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            let _ = self.line.patience(left);
            match self.line.receive::<Answer>() {
                Ok(Some((Answer::Ended { code }, _))) => return Ok(Some(code)),
                Ok(Some(_)) | Err(Errno::AGAIN) => {}
                Ok(None) | Err(_) => return Err(ControlError::Gone(self.id.clone())),
            }
        }
    }

    /// The line itself, for somebody who attaches.
    pub(crate) fn into_line(self) -> Line {
        let _ = self.line.patience(None);
        self.line
    }
}

/// Ends the shim that holds the life of container `id` and does not answer: by the process that the kernel says is at the
/// other end of the line, held by its pidfd before it is asked who it is.
pub(crate) fn end_stuck(store: &Store, id: &str) {
    let line = || Line::connect(File::open(store.life(id)).ok()?).ok();
    let peer = || Some(socket_peercred(&line()?).ok()?.pid);
    let Some(pid): Option<Pid> = peer() else { return };
    let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if peer() == Some(pid) {
        let _ = pidfd_send_signal(&held, Signal::KILL);
    }
}
