//! Network devices that go into the container: each is moved from the caller's network namespace, and gets back there what
//! a move takes from it, its addresses and its being up. By netlink (`rtnetlink(7)`), which is spoken by hand here.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use namespaces::{Handle, HandleError, Kind};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use process::{Diagnose, FailureKind, step};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// `linux.netDevices.NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetDevice {
    /// What it is called in the container; as outside, if that is empty. The kernel puts a number for `%d`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// Why a device is not in the container.
#[derive(Debug, Error)]
pub enum NetDeviceError {
    /// No device can have this name.
    #[error("{0:?} is no name of a network device")]
    Name(String),
    /// Nothing to move.
    #[error("there is no network device {0}")]
    Missing(String),
    /// The container's namespace has one of that name.
    #[error("the container has a network device {0} already")]
    Exists(String),
    /// The kernel refused.
    #[error("{action} network device {device}: {errno}")]
    Kernel {
        /// What we were doing.
        action: &'static str,
        /// The device.
        device: String,
        /// The reason.
        errno: Errno,
    },
    /// The container's namespace.
    #[error(transparent)]
    Namespace(#[from] HandleError),
}

impl Diagnose for NetDeviceError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Namespace)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Name(_) => FailureKind::Invalid,
            Self::Missing(_) => FailureKind::NotFound,
            Self::Exists(_) => FailureKind::Conflict,
            Self::Kernel { errno, .. } => (*errno).into(),
            Self::Namespace(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kernel { action: MOVE, errno: Errno::EINVAL, .. } => {
                Some("some devices belong to their namespace for good: lo, and those of some tunnels".into())
            }
            _ => None,
        }
    }
}

const MOVE: &str = "move";
/// `struct ifinfomsg`, `struct ifaddrmsg`, `struct nlmsghdr`.
const LINK: usize = 16;
const ADDRESS: usize = 8;
const HEADER: usize = 16;

/// Moves all of `devices` into the network namespace `inside`. What cannot be done is seen before the first is moved, as far
/// as it can be. The caller must have one thread.
///
/// # Errors
/// [`NetDeviceError`].
pub(crate) fn move_into(inside: &Handle, devices: &BTreeMap<String, NetDevice>) -> Result<(), NetDeviceError> {
    let here = Routes::open().map_err(kernel("open a netlink socket for", "all"))?;
    let there = open_in(inside)?;
    let mut planned = Vec::with_capacity(devices.len());
    for (name, NetDevice { name: wished }) in devices {
        let new = if wished.is_empty() { name } else { wished };
        if let Some(wrong) = [name, new].into_iter().find(|name| !is_name(name)) {
            return Err(NetDeviceError::Name(wrong.clone()));
        }
        let missing = || NetDeviceError::Missing(name.clone());
        let index = here.index(name).map_err(kernel("look for", name))?.ok_or_else(missing)?;
        if there.index(new).map_err(kernel("look for", new))?.is_some() {
            return Err(NetDeviceError::Exists(new.clone()));
        }
        planned.push((name, new, index));
    }
    for (name, new, index) in planned {
        let addresses = here.addresses(index, name).map_err(kernel("read the addresses of", name))?;
        let before = there.links().map_err(kernel("look for", new))?;
        here.give(index, new, inside).map_err(kernel(MOVE, name))?;
        let after = there.links().map_err(kernel("look for", new))?;
        // Its number may be another one there, and its name what the kernel has made of a template.
        let index = *after.difference(&before).next().ok_or_else(|| NetDeviceError::Missing(new.clone()))?;
        for address in &addresses {
            there.add(index, address).map_err(kernel("give its addresses to", new))?;
        }
        there.set_up(index).map_err(kernel("set up", new))?;
        step!(12, "network device {name} is the container's, as {new}, with {} addresses", addresses.len());
    }
    Ok(())
}

fn kernel(action: &'static str, device: &str) -> impl FnOnce(Errno) -> NetDeviceError {
    let device = device.to_owned();
    move |errno| NetDeviceError::Kernel { action, device, errno }
}

/// The kernel's rule, and no path.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| !byte.is_ascii_whitespace() && byte != b'/' && byte != b':' && byte != 0;
    !matches!(name, "." | "..") && (1..=15).contains(&name.len()) && name.bytes().all(plain)
}

/// A socket belongs to the namespace that it was made in.
fn open_in(inside: &Handle) -> Result<Routes, NetDeviceError> {
    let home = Handle::own(Kind::Net)?;
    inside.join()?;
    let there = Routes::open();
    home.join()?;
    there.map_err(kernel("open a netlink socket for", "all"))
}

/// An address as the kernel told of it: what stands in front, and its attributes.
struct Address {
    family: u8,
    prefix: u8,
    attributes: Vec<u8>,
}

/// A socket to the kernel's tables of devices and addresses.
struct Routes(OwnedFd);

impl Routes {
    fn open() -> Result<Self, Errno> {
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).map(Self)
    }

    /// The number of the device, if there is one of this name.
    fn index(&self, name: &str) -> Result<Option<i32>, Errno> {
        // A template is no name yet.
        if name.contains('%') {
            return Ok(None);
        }
        let mut body = link(0, 0);
        put(&mut body, libc::IFLA_IFNAME, &named(name));
        match self.ask(libc::RTM_GETLINK, libc::NLM_F_ACK, &body) {
            Err(Errno::ENODEV) => Ok(None),
            answers => Ok(answers?.iter().find_map(|answer| number(answer, 4))),
        }
    }

    fn links(&self) -> Result<BTreeSet<i32>, Errno> {
        let answers = self.ask(libc::RTM_GETLINK, libc::NLM_F_DUMP, &link(0, 0))?;
        Ok(answers.iter().filter_map(|answer| number(answer, 4)).collect())
    }

    /// Those that a device keeps wherever it is: permanent ones that hold everywhere.
    fn addresses(&self, index: i32, name: &str) -> Result<Vec<Address>, Errno> {
        let mut addresses = Vec::new();
        for answer in self.ask(libc::RTM_GETADDR, libc::NLM_F_DUMP, &[0; ADDRESS])? {
            let Some(([family, prefix, flags, scope], rest)) = answer.split_first_chunk() else { continue };
            let mut permanent = u32::from(*flags) & libc::IFA_F_PERMANENT != 0;
            let mut attributes = Vec::new();
            for (kind, value) in attributes_of(rest.get(4..).unwrap_or_default()) {
                if kind == libc::IFA_FLAGS {
                    permanent =
                        number(value, 0).is_some_and(|flags| flags.cast_unsigned() & libc::IFA_F_PERMANENT != 0);
                }
                // How long it holds is for ever; and the usual label is the device's name.
                let is_usual = kind == libc::IFA_LABEL && value == named(name);
                if kind != libc::IFA_CACHEINFO && !is_usual {
                    put(&mut attributes, kind, value);
                }
            }
            if number(&answer, 4) == Some(index) && permanent && *scope == libc::RT_SCOPE_UNIVERSE {
                addresses.push(Address { family: *family, prefix: *prefix, attributes });
            }
        }
        Ok(addresses)
    }

    /// Gives the device away. It loses its addresses, and is down.
    fn give(&self, index: i32, name: &str, to: &impl AsFd) -> Result<(), Errno> {
        let mut body = link(index, 0);
        put(&mut body, libc::IFLA_NET_NS_FD, &to.as_fd().as_raw_fd().to_ne_bytes());
        put(&mut body, libc::IFLA_IFNAME, &named(name));
        self.ask(libc::RTM_NEWLINK, libc::NLM_F_ACK, &body).map(drop)
    }

    fn add(&self, index: i32, address: &Address) -> Result<(), Errno> {
        let mut body = vec![address.family, address.prefix, 0, libc::RT_SCOPE_UNIVERSE];
        body.extend(index.to_ne_bytes());
        body.extend(&address.attributes);
        self.ask(libc::RTM_NEWADDR, libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body).map(drop)
    }

    fn set_up(&self, index: i32) -> Result<(), Errno> {
        self.ask(libc::RTM_NEWLINK, libc::NLM_F_ACK, &link(index, libc::IFF_UP.cast_unsigned())).map(drop)
    }

    /// One request, and the messages that come before its end.
    fn ask(&self, kind: u16, flags: i32, body: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let mut message = Vec::with_capacity(HEADER + body.len());
        let length = u32::try_from(HEADER + body.len()).map_err(|_| Errno::EMSGSIZE)?;
        let flags = u16::try_from(libc::NLM_F_REQUEST | flags).map_err(|_| Errno::EINVAL)?;
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(self.0.as_raw_fd(), &message, MsgFlags::empty())?;
        let (mut answers, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let (Some(length), Some(kind)) = (number(rest, 0), number(rest, 4)) {
                let length = usize::try_from(length).ok().filter(|length| *length >= HEADER).ok_or(Errno::EPROTO)?;
                let body = rest.get(HEADER..length).ok_or(Errno::EPROTO)?;
                match kind & 0xffff {
                    libc::NLMSG_DONE => return Ok(answers),
                    libc::NLMSG_ERROR => match number(body, 0).ok_or(Errno::EPROTO)? {
                        0 => return Ok(answers),
                        code => return Err(Errno::from_raw(-code)),
                    },
                    _ => answers.push(body.to_vec()),
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

/// `struct ifinfomsg` for device `index`: of its flags, set `up`.
fn link(index: i32, up: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(up.to_ne_bytes());
    body.extend(up.to_ne_bytes());
    debug_assert_eq!(body.len(), LINK);
    body
}

fn named(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// `struct rtattr`, and what is in it.
fn put(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn attributes_of(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let half = |at: usize| Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let (length, kind) = (usize::from(half(0)?), half(2)?);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number of 32 bits at this place.
fn number(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
