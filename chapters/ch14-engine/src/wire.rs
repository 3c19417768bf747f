//! What commands and shims say to each other, and how: one JSON value a message, descriptors beside it, over a
//! `SOCK_SEQPACKET` socket (`unix(7)`), which keeps messages apart and tells when the other side is gone.
//!
//! A shim lives as long as its container, and that may be longer than this program stays installed. So it says first
//! which protocol it speaks, and what a later one adds, an earlier one must be able to pass over.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use process::Failure;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_timeout;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, recvmsg, sendmsg, shutdown,
    socket_with, socketpair, sockopt::Timeout,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The protocol of this program's shims: 2 knows [`Request::Remove`].
pub(crate) const PROTOCOL: u32 = 2;
/// The longest message.
const LONGEST: usize = 16 * 1024;
/// Descriptors beside one message, at most.
const DESCRIPTORS: usize = 2;
/// Commands that may wait to be heard.
const BACKLOG: i32 = 64;
/// The socket in the directory of what lives.
const NAME: &str = "shim";

/// What a command wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// To see what the program prints from now on, by the pipes beside this message, in this order; to type into it.
    Attach {
        /// A pipe for standard output.
        stdout: bool,
        /// Another for standard error.
        stderr: bool,
        /// The way in.
        stdin: bool,
    },
    /// To hear of the end.
    Wait,
    /// A signal for the program. It then does not come back by itself.
    Kill {
        /// Its number.
        signal: i32,
    },
    /// The program to be killed, and the container to go with it. The end is told when it is out of sight.
    Remove,
    /// Everything in it to stand still.
    Pause,
    /// To go on.
    Unpause,
    /// To have the program's pidfd.
    Process,
    /// The record to be read again.
    Reload,
}

/// What the shim says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// First of all.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
    },
    /// It is done. Beside it, if there is one: the way in, or the pidfd.
    Done,
    /// It is not.
    Failed(Failure),
    /// The program has ended, and nothing will be printed any more.
    Ended {
        /// Its exit status, or 128 and the number of a signal.
        code: u8,
    },
}

/// One end of the line.
#[derive(Debug)]
pub(crate) struct Line(OwnedFd);

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Line {
    /// Both ends.
    pub(crate) fn pair() -> Result<(Self, Self), Errno> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// To the shim that listens in `directory`. A name of any length serves: the socket is reached by way of the open
    /// directory, for its own may have 107 bytes only.
    ///
    /// # Errors
    /// `ECONNREFUSED` or `ENOENT` if there is none.
    pub(crate) fn connect(directory: impl AsFd) -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &address(&directory)?)?;
        Ok(Self(socket))
    }

    /// Says nothing more: the other side hears that as our end.
    pub(crate) fn hang_up(&self) -> Result<(), Errno> {
        shutdown(&self.0, Shutdown::Write)
    }

    /// How long to wait for one message.
    pub(crate) fn patience(&self, patience: Option<Duration>) -> Result<(), Errno> {
        set_socket_timeout(&self.0, Timeout::Recv, patience)
    }

    /// Says it, or fails at once if the other side does not listen.
    pub(crate) fn send(&self, message: &impl Serialize, descriptors: &[BorrowedFd]) -> Result<(), Errno> {
        let bytes = serde_json::to_vec(message).map_err(|_| Errno::INVAL)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map(drop)
    }

    /// Waits for the next message; `None` when the other side is gone. What makes no sense is [`Errno::BADMSG`].
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>, Errno> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC)
    }

    /// The same without waiting.
    pub(crate) fn receive_now<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>, Errno> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
    }

    fn receive_with<T: DeserializeOwned>(&self, flags: RecvFlags) -> Result<Option<(T, Vec<OwnedFd>)>, Errno> {
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let length = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(None),
                other => break other?.bytes,
            }
        };
        if length == 0 {
            return Ok(None);
        }
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        let message = serde_json::from_slice(&bytes[..length]).map_err(|_| Errno::BADMSG)?;
        Ok(Some((message, descriptors)))
    }
}

/// Where a shim is called.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Listener {
    /// In `directory`.
    pub(crate) fn open(directory: impl AsFd) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        bind(&socket, &address(&directory)?)?;
        listen(&socket, BACKLOG)?;
        Ok(Self(socket))
    }

    /// The next who calls, if somebody does.
    ///
    /// # Errors
    /// Where there is no descriptor for the line, or no memory: he waits.
    pub(crate) fn accept(&self) -> Result<Option<Line>, Errno> {
        match rustix::net::accept_with(&self.0, SocketFlags::CLOEXEC) {
            Ok(line) => Ok(Some(Line(line))),
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => Err(error),
            // He has gone meanwhile.
            Err(_) => Ok(None),
        }
    }
}

fn address(directory: impl AsFd) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new(Path::new(&format!("/proc/self/fd/{}", directory.as_fd().as_raw_fd())).join(NAME))
}
