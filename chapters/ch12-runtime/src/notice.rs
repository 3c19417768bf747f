//! Telling whoever is asked about system calls (`SCMP_ACT_NOTIFY`) of a process, and giving them the descriptor by which
//! they are asked:
//! <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#containerprocessstate>.
//!
//! The socket is connected while we have a way to it, and the process itself sends the descriptor, in the one call between
//! filter and answer that nobody may be asked about. So there is no other process that both would wait for.

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use confinement::Filter;
use confinement::seccomp::Listener;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde::Serialize;

use crate::error::PlanError;
use crate::notice_error::NoticeError;
use crate::process_plan::ProcessPlan;
use crate::runtime_error::RuntimeError;
use crate::spec::OCI_VERSION;
use crate::state::State;

/// A connection to them, and what they are told.
#[derive(Debug)]
pub(crate) struct Notice {
    path: PathBuf,
    stream: UnixStream,
    metadata: String,
    state: State,
}

/// For a process with this plan, of a container in this state, if its filter has somebody asked.
pub(crate) fn notice(plan: &ProcessPlan, state: Option<&State>) -> Result<Option<Notice>, RuntimeError> {
    let Some(listener) = plan.filter.as_ref().and_then(Filter::listener) else { return Ok(None) };
    match state {
        Some(state) => Ok(Some(Notice::connect(listener, state.clone())?)),
        None => Err(PlanError::Unsupported("a listener for system calls, without a state to tell it".into()).into()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessState<'a> {
    oci_version: &'a str,
    fds: [&'a str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    state: &'a State,
}

/// All that is left to do when the filter is in force.
#[derive(Debug)]
pub(crate) struct Prepared {
    path: PathBuf,
    stream: UnixStream,
    text: Vec<u8>,
}

impl Notice {
    /// Connects. To be called outside.
    pub(crate) fn connect(listener: &Listener, state: State) -> Result<Self, NoticeError> {
        let path = listener.path.clone();
        match connect_now(&path) {
            Ok(stream) => Ok(Self { path, stream, metadata: listener.metadata.clone(), state }),
            Err(error) => Err(NoticeError::Connect { path, errno: errno(&error) }),
        }
    }

    /// Of this process, which still has the `/proc` of the runtime: the container's first one, unless that has a number
    /// already.
    pub(crate) fn prepare(&self) -> Result<Prepared, NoticeError> {
        let failed = |error: &io::Error| NoticeError::Send { path: self.path.clone(), errno: errno(error) };
        // In a PID namespace of its own it does not know its number outside, but that directory does.
        let own = fs::read_link("/proc/self").map_err(|error| failed(&error))?;
        let pid = own.to_str().and_then(|number| number.parse().ok()).unwrap_or_default();
        let mut state = self.state.clone();
        if state.pid == 0 {
            state.pid = pid;
        }
        let metadata = self.metadata.as_str();
        let told = ProcessState { oci_version: OCI_VERSION, fds: ["seccompFd"], pid, metadata, state: &state };
        let text = serde_json::to_vec(&told).unwrap_or_default();
        let stream = self.stream.try_clone().map_err(|error| failed(&error))?;
        Ok(Prepared { path: self.path.clone(), stream, text })
    }
}

impl Prepared {
    /// Sends it with the filter's descriptor. A message of this size goes in one piece.
    pub(crate) fn send(self, filter: &OwnedFd) -> Result<(), NoticeError> {
        let rights = [filter.as_raw_fd()];
        let message = [IoSlice::new(&self.text)];
        sendmsg::<()>(
            self.stream.as_raw_fd(),
            &message,
            &[ControlMessage::ScmRights(&rights)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .map(drop)
        .map_err(|errno| NoticeError::Send { path: self.path, errno })
    }
}

/// Who listens and has too many waiting is not waited for: signals may be blocked already.
fn connect_now(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EINVAL as i32))
}

impl AsFd for Prepared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
