//! The line between a parent and the child it has just cloned: whole messages, and descriptors with them.
//!
//! A `SOCK_SEQPACKET` pair keeps messages apart and reports a closed end, which is how `exec` announces itself:
//! both ends are close-on-exec.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, recv, recvmsg, sendmsg,
    shutdown, socketpair,
};

/// The longest message: failures are a few hundred bytes, and shortened if not.
pub(crate) const LONGEST: usize = 16 * 1024;

/// One end.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// What came out of the other end.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) descriptor: Option<OwnedFd>,
}

impl Channel {
    /// Two connected ends.
    pub(crate) fn pair() -> Result<(Self, Self), Errno> {
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends one message, and a descriptor beside it if there is one.
    pub(crate) fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd>) -> Result<(), Errno> {
        let raw: Vec<RawFd> = descriptor.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights[..] };
        let message = [IoSlice::new(&bytes[..bytes.len().min(LONGEST)])];
        sendmsg::<()>(self.0.as_raw_fd(), &message, control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    /// Tells the other end that nothing more will come, whoever holds copies of this one.
    pub(crate) fn close(&self) {
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Both);
    }

    /// The descriptor's number.
    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Whether the other end is closed. Does not wait, and takes no message away.
    pub(crate) fn is_closed(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        matches!(recv(self.0.as_raw_fd(), &mut [0], flags), Ok(0) | Err(Errno::ECONNRESET))
    }

    /// Waits for the next message; `None` when the other end is closed.
    #[allow(unsafe_code, reason = "a received descriptor is a bare number until somebody owns it")]
    pub(crate) fn receive(&self) -> Result<Option<Received>, Errno> {
        let mut bytes = vec![0; LONGEST];
        let mut space = cmsg_space!([RawFd; 1]);
        let mut buffer = [IoSliceMut::new(&mut bytes)];
        let (length, descriptor) = loop {
            match recvmsg::<()>(self.0.as_raw_fd(), &mut buffer, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
                // A peer that died with unread messages resets the connection, once. What it had sent before is there yet.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Err(errno) => return Err(errno),
                Ok(message) => {
                    let raw = message.cmsgs()?.find_map(|control| match control {
                        ControlMessageOwned::ScmRights(raw) => raw.first().copied(),
                        _ => None,
                    });
                    // SAFETY: unix(7): the kernel has just made this descriptor for us, and nothing else knows it.
                    break (message.bytes, raw.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                }
            }
        };
        if length == 0 {
            return Ok(None);
        }
        bytes.truncate(length);
        Ok(Some(Received { bytes, descriptor }))
    }
}
