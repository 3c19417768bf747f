//! What concerns other processes: seeing, stopping, reading and joining them.

use std::fs::{self, File};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{SECRET, VICTIM};
use crate::{Facts, Lost, Outcome, system};

/// Looks through `/proc` for it.
pub(crate) fn find_a_process(_: &Facts) -> Outcome {
    let entries = fs::read_dir("/proc")?.flatten();
    let mut names = entries.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.find(|name| name.trim() == VICTIM).map(|_| "it is listed".into()).ok_or_else(|| Lost("not listed".into()))
}

/// By number. The host wakes it again.
pub(crate) fn stop_a_process(facts: &Facts) -> Outcome {
    kill(Pid::from_raw(facts.number("victim")?), Signal::SIGSTOP)?;
    Ok("stopped".into())
}

pub(crate) fn read_an_environment(facts: &Facts) -> Outcome {
    let text = fs::read_to_string(format!("/proc/{}/environ", facts.get("victim")?))?;
    if text.contains(SECRET) { Ok("read".into()) } else { Err(Lost("another process".into())) }
}

/// That of its network, as `nsenter` does.
pub(crate) fn enter_a_namespace(facts: &Facts) -> Outcome {
    setns(File::open(format!("/proc/{}/ns/net", facts.get("victim")?))?, CloneFlags::CLONE_NEWNET)?;
    Ok("entered".into())
}

pub(crate) fn attach_to_shared_memory(facts: &Facts) -> Outcome {
    let text = system::shared(facts.number("segment")?)?;
    if text.to_bytes() == SECRET.as_bytes() { Ok("read".into()) } else { Err(Lost("another segment".into())) }
}

/// A socket without a file: its name belongs to the network namespace.
pub(crate) fn call_an_abstract_socket(facts: &Facts) -> Outcome {
    let address = SocketAddr::from_abstract_name(facts.get("socket")?)?;
    UnixStream::connect_addr(&address)?.shutdown(Shutdown::Both)?;
    Ok("connected".into())
}

/// Where every capability is had, and much of the kernel that was never meant for strangers.
pub(crate) fn make_a_user_namespace(_: &Facts) -> Outcome {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    Ok("all capabilities in it".into())
}
