//! Somebody at a container: what it prints comes here, what is typed here goes there, signals are passed on.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use process::relay::{self, Attended, Pump, RelayError, Resize, Stream};
use process::signals::{Forwarded, Proxy};
use process::{DetachKeys, Diagnose, ExitStatus, Failure, FailureKind, pty, step};
use runtime::spec::ConsoleSize;
use thiserror::Error;

use crate::shim::Seat;
use crate::wire::{Answer, Line, Request};

/// Why somebody could not be with a container.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    /// Pipes, or a descriptor more.
    #[error("open the way to the container: {0}")]
    Open(io::Error),
    /// Signals could not be blocked.
    #[error("block signals: {0}")]
    Signals(Errno),
}

impl Diagnose for AttachError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::System)
    }
}

/// Which streams somebody is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streams {
    /// Types.
    pub stdin: bool,
    /// Sees what the program prints.
    pub stdout: bool,
    /// Sees what it complains about.
    pub stderr: bool,
}

/// How somebody is with a container while it runs.
#[derive(Debug, Clone)]
pub struct Foreground {
    /// What goes where.
    pub streams: Streams,
    /// Which of our signals it gets.
    pub proxy: Proxy,
    /// The keys that leave it to itself.
    pub detach_keys: DetachKeys,
}

/// This side of a way to a container.
#[derive(Debug)]
pub(crate) struct Mine {
    line: Line,
    outputs: [Option<OwnedFd>; 2],
    way_in: bool,
}

/// Both sides of a way to a container that is not there yet.
///
/// # Errors
/// [`AttachError::Open`].
pub(crate) fn seat(streams: Streams, terminal: bool) -> Result<(Mine, Seat), AttachError> {
    let (line, theirs) = Line::pair().map_err(|error| AttachError::Open(error.into()))?;
    let way_in = streams.stdin || terminal;
    let (outputs, taps) = pipes(streams)?;
    Ok((Mine { line, outputs, way_in }, Seat { line: theirs, taps, stdin: way_in }))
}

type Ends = [Option<OwnedFd>; 2];

fn pipes(streams: Streams) -> Result<(Ends, Ends), AttachError> {
    let (mut readers, mut writers) = ([None, None], [None, None]);
    for (index, wanted) in [streams.stdout, streams.stderr].into_iter().enumerate() {
        if wanted {
            let (reader, writer) = relay::pipe().map_err(AttachError::Open)?;
            (readers[index], writers[index]) = (Some(reader), Some(writer));
        }
    }
    Ok((readers, writers))
}

/// Asks the shim at the other end of `line` for the streams.
///
/// # Errors
/// [`Failure`].
pub(crate) fn ask(line: Line, streams: Streams, terminal: bool) -> Result<Mine, Failure> {
    let (outputs, taps) = pipes(streams)?;
    let way_in = streams.stdin || terminal;
    let request = Request::Attach { stdout: streams.stdout, stderr: streams.stderr, stdin: way_in };
    let descriptors: Vec<BorrowedFd> = taps.iter().flatten().map(OwnedFd::as_fd).collect();
    line.send(&request, &descriptors).map_err(|error| AttachError::Open(error.into()))?;
    // The answer comes with the way in.
    Ok(Mine { line, outputs, way_in: true })
}

/// The shim, as the relay sees it.
pub(crate) struct Remote(pub(crate) Line);

impl AsFd for Remote {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Attended for Remote {
    fn hear(&mut self) -> Result<Option<ExitStatus>, RelayError> {
        match self.0.receive::<Answer>() {
            Ok(Some((Answer::Ended { code }, _))) => Ok(Some(ExitStatus::Code(code))),
            // What came of a signal.
            Ok(Some(_)) => Ok(None),
            _ => Err(RelayError::Lost),
        }
    }

    fn pass(&self, signal: i32) {
        let _ = self.0.send(&Request::Kill { signal }, &[]);
    }
}

/// Stays until the program ends, or somebody types the keys that leave it.
///
/// # Errors
/// [`Failure`].
pub(crate) fn attend(
    mine: Mine,
    terminal: bool,
    foreground: &Foreground,
    signals: &Forwarded,
) -> Result<ExitStatus, Failure> {
    let own = |stream: io::Result<OwnedFd>| stream.map_err(AttachError::Open);
    let Mine { line, outputs: [out, err], way_in } = mine;
    let way_in = if way_in { hear_of_way_in(&line)? } else { None };
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let mut pumps = Vec::with_capacity(3);
    if let Some(from) = out {
        pumps.push(Pump::output(from, own(stdout.as_fd().try_clone_to_owned())?, Stream::Stdout));
    }
    if let Some(from) = err {
        pumps.push(Pump::output(from, own(stderr.as_fd().try_clone_to_owned())?, Stream::Stderr));
    }
    // Dropped whatever happens: the terminal outside is then as it was.
    let mut raw = None;
    let master = if terminal { way_in.as_ref().map(|way_in| own(way_in.try_clone())).transpose()? } else { None };
    if let Some(to) = way_in.filter(|_| foreground.streams.stdin) {
        let pump = Pump::input(own(stdin.as_fd().try_clone_to_owned())?, to);
        pumps.push(if terminal { pump.until(foreground.detach_keys.clone()) } else { pump });
        if terminal {
            raw = pty::RawMode::enter(stdin.as_fd()).ok();
        }
    }
    if let Some(master) = &master {
        pty::copy_window_size(stdin.as_fd(), master.as_fd());
    }
    let resize = master.as_ref().map(|master| Resize { from: stdin.as_fd(), to: master.as_fd() });
    let mut remote = Remote(line);
    let attended = relay::run(&mut remote, signals, &mut pumps, resize, || {});
    drop(raw);
    match attended {
        Ok(status) => Ok(status),
        Err(RelayError::Detached) => {
            // Where that cannot be written there is nobody left to tell.
            let _ = writeln!(io::stderr(), "read escape sequence");
            Ok(ExitStatus::Code(0))
        }
        // Its shim was killed, and so was it.
        Err(RelayError::Lost) => Ok(ExitStatus::Signal(Signal::SIGKILL as i32)),
        Err(error @ RelayError::Write { .. }) => {
            // The program goes on, as docker's does, and what it prints stands in its log.
            if let RelayError::Write { errno: Errno::EPIPE, .. } = error {
                // Whoever read has what they wanted: a pipeline is no place for a complaint.
                step!(14, "nobody reads any more: {error}");
                return Ok(ExitStatus::Code(FailureKind::Caller.exit_code()));
            }
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn hear_of_way_in(line: &Line) -> Result<Option<OwnedFd>, Failure> {
    match line.receive::<Answer>() {
        Ok(Some((Answer::Done, descriptors))) => Ok(descriptors.into_iter().next()),
        Ok(Some((Answer::Failed(failure), _))) => Err(failure),
        Ok(_) => Err(RelayError::Lost.into()),
        Err(error) => Err(AttachError::Open(error.into()).into()),
    }
}

/// How large the terminal is that we sit at.
pub(crate) fn console_size() -> Option<ConsoleSize> {
    let size = rustix::termios::tcgetwinsize(io::stdin()).ok()?;
    Some(ConsoleSize { height: size.ws_row, width: size.ws_col })
}
