//! Giving the terminal to whoever asked for it (`--console-socket`), and the number of a process (`--pid-file`).

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use layers::{Durability, write_atomically};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::Pid;
use process::{Failure, FailureKind};
use runtime::Stdio;

use crate::cli::invalid;

/// The streams of a process that wants a terminal or not, and is waited for or not.
pub(crate) fn streams(terminal: bool, detached: bool, socket: Option<&Path>) -> Result<Stdio, Failure> {
    match (terminal, detached, socket) {
        (true, true, None) => Err(invalid("cannot allocate tty if runc will detach without setting console socket")),
        (false, _, Some(_)) | (true, false, Some(_)) => {
            Err(invalid("cannot use console socket if runc will not detach or allocate tty"))
        }
        (true, ..) => Ok(Stdio::Terminal),
        (false, ..) => Ok(Stdio::Inherit),
    }
}

/// Hands the terminal over.
pub(crate) fn send(socket: Option<&Path>, terminal: Option<OwnedFd>) -> Result<(), Failure> {
    let (Some(socket), Some(terminal)) = (socket, terminal) else { return Ok(()) };
    let failed = |reason: String| {
        Failure::new(FailureKind::System, format!("send the terminal to {}: {reason}", socket.display()))
    };
    let stream = UnixStream::connect(socket).map_err(|error| failed(error.to_string()))?;
    let rights = [terminal.as_raw_fd()];
    let message = [IoSlice::new(b"/dev/ptmx")];
    sendmsg::<()>(stream.as_raw_fd(), &message, &[ControlMessage::ScmRights(&rights)], MsgFlags::empty(), None)
        .map_err(|errno| failed(errno.to_string()))?;
    Ok(())
}

/// Whoever finds the file finds a whole number in it.
pub(crate) fn write_pid(file: Option<&Path>, pid: Pid) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    Ok(write_atomically(file, pid.to_string().as_bytes(), Durability::Death)?)
}
