//! What a new network namespace has: one device, the loopback, which is down. This turns it on, with one message to the
//! kernel over netlink (`rtnetlink(7)`); chapter 10 does the rest of the network that way.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use process::{Diagnose, FailureKind, step};

use crate::kind::Kind;
use crate::refusal;

/// The loopback device could not be turned on.
#[derive(Debug, thiserror::Error)]
#[error("turn on the loopback device: {action}: {errno}")]
pub struct LoopbackError {
    /// The step that failed.
    action: &'static str,
    /// The kernel's reason.
    errno: Errno,
}

impl Diagnose for LoopbackError {
    fn kind(&self) -> Option<FailureKind> {
        Some(self.errno.into())
    }

    fn hint(&self) -> Option<String> {
        refusal::cure(self.errno, &[Kind::Net])
    }
}

/// The loopback is the first device of every network namespace; the kernel insists on it (`LOOPBACK_IFINDEX`).
const LOOPBACK: i32 = 1;

/// Turns on `lo` in the network namespace that the caller is in. It then has `127.0.0.1` and `::1`.
///
/// # Errors
/// [`LoopbackError`]: `EPERM` without `CAP_NET_ADMIN` over the namespace.
// ANCHOR: loopback_up
pub fn loopback_up() -> Result<(), LoopbackError> {
    let failed = |action| move |errno| LoopbackError { action, errno };
    let kernel: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
            .map_err(failed("open a netlink socket"))?;
    send(kernel.as_raw_fd(), &set_up(LOOPBACK), MsgFlags::empty()).map_err(failed("send"))?;
    let mut answer = [0; 1024];
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(failed("receive"))?;
    match error_of(answer.get(..length).unwrap_or_default()) {
        Some(0) => {}
        Some(code) => return Err(failed("set IFF_UP")(Errno::from_raw(-code))),
        None => return Err(failed("read the answer")(Errno::EPROTO)),
    }
    step!(2, "loopback device is up");
    Ok(())
}
// ANCHOR_END: loopback_up

/// `RTM_NEWLINK` for device `index`: of its flags, change `IFF_UP`, to one.
fn set_up(index: i32) -> Vec<u8> {
    const LENGTH: u32 = 32;
    /// `NLM_F_REQUEST | NLM_F_ACK`, which libc types as `int`.
    const REQUEST_AND_ACK: u16 = 0x1 | 0x4;
    let up = libc::IFF_UP.cast_unsigned();
    let mut message = Vec::with_capacity(LENGTH as usize);
    // struct nlmsghdr: length, type, flags, sequence number, sender (0: whoever sends).
    message.extend(LENGTH.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    // struct ifinfomsg: family, padding, device type, index, flags, which flags to change.
    message.extend([0; 4]);
    message.extend(index.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    message
}

/// The code in an `NLMSG_ERROR` message: 0 is the acknowledgement, otherwise minus an errno.
fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (i32::from(kind) == libc::NLMSG_ERROR).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_as_long_as_it_says() {
        assert_eq!(set_up(LOOPBACK).len(), 32);
    }

    #[test]
    fn a_short_or_foreign_answer_is_no_acknowledgement() {
        assert_eq!(error_of(&[]), None);
        assert_eq!(error_of(&[0; 36]), None);
    }
}
