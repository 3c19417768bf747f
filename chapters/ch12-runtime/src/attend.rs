//! The foreground: run a container, copy its streams, pass signals on, clean up.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use cgroups::Cgroup;
use nix::errno::Errno;
use process::relay::{self, Pump, RelayError, Resize, Stream};
use process::signals::{Forwarded, Proxy};
use process::{Child, Diagnose, ExitStatus, FailureKind, pty, step};
use thiserror::Error;

use crate::container::{Container, Running};
use crate::exec::{Exec, Executed};
use crate::runtime_error::RuntimeError;
use crate::stdio::Ends;

/// Why a container in the foreground failed.
#[derive(Debug, Error)]
pub enum AttendError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] RuntimeError),
    /// It started, and we lost it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// Signals could not be blocked.
    #[error("block signals: {0}")]
    Signals(Errno),
}

impl Diagnose for AttendError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Start | Relay)
    }

    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Signals(_)).then_some(FailureKind::System)
    }
}

/// Runs the container until its program ends. With `interactive`, standard input goes in; `proxy` says which signals do.
/// What is left is its control group: it is empty, and can be removed.
///
/// # Errors
/// [`AttendError`]; nothing is left behind, the program neither.
pub fn run(container: Container, interactive: bool, proxy: Proxy) -> Result<(ExitStatus, Cgroup), AttendError> {
    // Before the child exists: a signal that comes in between then waits for it.
    let signals = Forwarded::block(proxy).map_err(AttendError::Signals)?;
    follow(container.start()?, interactive, &signals)
}

/// The same for one that runs already. `signals` were blocked before it was made.
///
/// # Errors
/// [`AttendError`]; nothing is left behind.
pub fn follow(
    mut running: Running,
    interactive: bool,
    signals: &Forwarded,
) -> Result<(ExitStatus, Cgroup), AttendError> {
    let ends = std::mem::take(&mut running.ends);
    let (child, cgroup) = running.parts();
    // What outlives the program (possible where the host's process ids are shared) would keep the pipes open.
    let attended = attend(child, ends, signals, interactive, || drop(cgroup.kill()));
    if attended.is_err() {
        // All at once: the end of the program alone would wait for those that it has frozen.
        let _ = cgroup.kill();
    }
    Ok((conclude(attended)?, running.end()?))
}

/// The same for another process of a container that runs.
///
/// # Errors
/// [`AttendError`]; nothing of the process is left behind.
pub fn exec(exec: Exec, interactive: bool, proxy: Proxy) -> Result<ExitStatus, AttendError> {
    let signals = Forwarded::block(proxy).map_err(AttendError::Signals)?;
    follow_exec(exec.start()?, interactive, &signals)
}

/// The same for one that runs already. `signals` were blocked before it was made.
///
/// # Errors
/// [`AttendError`]; nothing of the process is left behind.
pub fn follow_exec(mut executed: Executed, interactive: bool, signals: &Forwarded) -> Result<ExitStatus, AttendError> {
    let ends = std::mem::take(&mut executed.ends);
    let (child, part) = executed.parts();
    let attended = attend(child, ends, signals, interactive, || drop(part.map(Cgroup::kill)));
    if attended.is_err() {
        let _ = part.map(Cgroup::kill);
    }
    let status = conclude(attended)?;
    executed.end()?;
    Ok(status)
}

/// Whoever read has what they wanted when they go: a pipeline is no place for a complaint.
fn conclude(attended: Result<ExitStatus, AttendError>) -> Result<ExitStatus, AttendError> {
    match attended {
        Err(AttendError::Relay(error @ RelayError::Write { errno: Errno::EPIPE, .. })) => {
            step!(12, "the program is ended: {error}");
            Ok(ExitStatus::Code(FailureKind::Caller.exit_code()))
        }
        attended => {
            let status = attended?;
            step!(12, "the program ended: {status}");
            Ok(status)
        }
    }
}

fn attend(
    child: &mut Child,
    ends: Ends,
    signals: &Forwarded,
    interactive: bool,
    ended: impl FnMut(),
) -> Result<ExitStatus, AttendError> {
    let own = |stream: io::Result<OwnedFd>| stream.map_err(RuntimeError::Streams);
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let Ends { stdin: to_stdin, stdout: from_stdout, stderr: from_stderr, terminal } = ends;
    let mut pumps = Vec::with_capacity(3);
    if let Some(to) = to_stdin {
        pumps.push(Pump::input(own(stdin.as_fd().try_clone_to_owned())?, to));
    }
    if let Some(from) = from_stdout {
        pumps.push(Pump::output(from, own(stdout.as_fd().try_clone_to_owned())?, Stream::Stdout));
    }
    if let Some(from) = from_stderr {
        pumps.push(Pump::output(from, own(stderr.as_fd().try_clone_to_owned())?, Stream::Stderr));
    }
    // Dropped at the end of this function, whatever happens: the terminal outside is as it was.
    let mut _raw = None;
    if let Some(master) = &terminal {
        pumps.push(Pump::output(own(master.try_clone())?, own(stdout.as_fd().try_clone_to_owned())?, Stream::Stdout));
        if interactive {
            pumps.push(Pump::input(own(stdin.as_fd().try_clone_to_owned())?, own(master.try_clone())?));
            _raw = pty::RawMode::enter(stdin.as_fd()).ok();
        }
        pty::copy_window_size(stdin.as_fd(), master.as_fd());
    }
    let resize = terminal.as_ref().map(|master| Resize { from: stdin.as_fd(), to: master.as_fd() });
    Ok(relay::run(child, signals, &mut pumps, resize, ended)?)
}
