//! Making a child in two steps: cloned and waiting at a gate, then let go.
//!
//! Between the steps the parent does what only it can do from outside: write id maps, fill cgroups, move network
//! devices. What goes wrong inside comes back as a [`Failure`], as if the call had been made here.

use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use thiserror::Error;

use crate::channel::Channel;
use crate::child::Child;
use crate::descriptors::{self, DescriptorError};
use crate::single_thread::SingleThread;
use crate::sys::{self, Clone3};
use crate::{Diagnose, Failure, FailureKind, step};

/// First byte of a message: the parent opens the gate.
const GO: u8 = b'g';
/// First byte of a message: the child failed; JSON follows.
const FAILED: u8 = b'f';
/// First byte of a message: a descriptor is beside it.
const DESCRIPTOR: u8 = b'd';

/// Why there is no child.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// There are other threads: what they hold locked would stay locked in the child.
    #[error("clone a process that has several threads")]
    Threads,
    /// `clone3(2)` itself failed.
    #[error("clone3 with {flags}: {errno}")]
    Clone {
        /// The flags, by name.
        flags: String,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The channel to the child broke.
    #[error("{action} the child: {errno}")]
    Channel {
        /// What we were doing.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The child could not become its program and said why.
    #[error("{0}")]
    Inside(Failure),
}

impl Diagnose for SpawnError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Clone { errno: Errno::EPERM, .. } => {
                Some("new namespaces need root (CAP_SYS_ADMIN), or a user namespace to be root in".into())
            }
            Self::Clone { errno: Errno::ENOSPC, .. } => {
                Some("a limit in /proc/sys/user/max_*_namespaces is reached".into())
            }
            Self::Clone { errno: Errno::EINVAL, .. } => {
                Some("the kernel may lack one of these namespaces: compare ls /proc/self/ns".into())
            }
            Self::Clone { errno: Errno::EAGAIN, .. } => Some("a limit on processes is reached: see ulimit -u".into()),
            Self::Threads => Some("clone before the first thread starts, and after the last has been joined".into()),
            Self::Inside(failure) => failure.hint.clone(),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Inside(failure) => Some(failure.kind),
            Self::Clone { errno: Errno::EPERM, .. } => Some(FailureKind::Denied),
            _ => None,
        }
    }
}

/// How the child is to be born.
#[derive(Debug, Default)]
pub struct Spawn {
    namespaces: Option<CloneFlags>,
    cgroup: Option<OwnedFd>,
}

impl Spawn {
    /// A plain copy of this process: no new namespace, the parent's cgroup.
    pub fn new() -> Self {
        Self::default()
    }

    /// The child gets new namespaces of these kinds (`CLONE_NEW*`).
    #[must_use]
    pub fn namespaces(mut self, flags: CloneFlags) -> Self {
        self.namespaces = Some(flags);
        self
    }

    /// The child is born inside this cgroup v2 directory, so that no instant of its life goes uncounted.
    #[must_use]
    pub fn cgroup(mut self, directory: Option<OwnedFd>) -> Self {
        self.cgroup = directory;
        self
    }

    /// Clones. The child runs `inside`, which returns only if it failed to become another program; it should call
    /// [`Gate::wait`] before it does anything that depends on the parent.
    ///
    /// # Errors
    /// [`SpawnError::Threads`], [`SpawnError::Clone`] and [`SpawnError::Channel`].
    // ANCHOR: start
    pub fn start<E, F>(self, inside: F) -> Result<Pending, SpawnError>
    where
        E: Into<Failure>,
        F: FnOnce(&Gate) -> Result<Infallible, E>,
    {
        let (ours, theirs) =
            Channel::pair().map_err(|errno| SpawnError::Channel { action: "open a socket to", errno })?;
        let flags = self.namespaces.unwrap_or(CloneFlags::empty());
        let alone = SingleThread::check().ok_or(SpawnError::Threads)?;
        // ANCHOR: ex_clone
        let bits = u64::from(flags.bits().cast_unsigned());
        let cgroup = self.cgroup.as_ref().map(AsFd::as_fd);
        let side = sys::clone3(bits, Signal::SIGCHLD as i32, cgroup, alone)
            .map_err(|errno| SpawnError::Clone { flags: names(flags), errno })?;
        match side {
            Clone3::Child => {
                drop(ours);
                become_program(inside, &Gate(theirs))
            }
            Clone3::Parent(pid, pidfd) => {
                drop(theirs);
                step!(1, "clone3 made process {pid} with {}", names(flags));
                Ok(Pending { child: Child::new(pid, pidfd), channel: ours })
            }
        }
        // ANCHOR_END: ex_clone
    }
    // ANCHOR_END: start
}

/// The child's side: run `inside`; whatever comes out of it is a failure to report. Never returns.
// ANCHOR: report
fn become_program<E, F>(inside: F, gate: &Gate) -> !
where
    E: Into<Failure>,
    F: FnOnce(&Gate) -> Result<Infallible, E>,
{
    // ANCHOR: tell
    // A panic must not unwind into the parent's copied stack frames: two processes would go on with one story.
    let failure = match catch_unwind(AssertUnwindSafe(|| inside(gate))) {
        Ok(Err(error)) => error.into(),
        Err(panic) => Failure::new(FailureKind::System, panic_text(&*panic)),
    };
    let mut message = vec![FAILED];
    message.extend(serde_json::to_vec(&failure.shortened()).unwrap_or_default());
    let _ = gate.0.send(&message, None);
    sys::exit_now(failure.exit_code())
    // ANCHOR_END: tell
}
// ANCHOR_END: report

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic between clone and exec: {}", text.unwrap_or("of unknown kind"))
}

/// A child that exists and waits. Dropped, it is killed.
#[derive(Debug)]
pub struct Pending {
    child: Child,
    channel: Channel,
}

impl Pending {
    /// Its number, as the caller's PID namespace counts.
    pub fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Its pidfd.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }

    /// Opens the gate, and returns once the child has become its program.
    ///
    /// # Errors
    /// [`SpawnError::Inside`] with what the child reported instead.
    // ANCHOR: release
    pub fn release(self) -> Result<Child, SpawnError> {
        let Self { mut child, channel } = self;
        // A child that has failed already does not listen; what it has to say comes next.
        match channel.send(&[GO], None) {
            Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => {}
            Err(errno) => return Err(SpawnError::Channel { action: "release", errno }),
        }
        // ANCHOR: ex_release
        loop {
            let message = channel.receive().map_err(|errno| SpawnError::Channel { action: "hear from", errno })?;
            // The channel is close-on-exec: its end is the sign that exec has succeeded.
            let Some(message) = message else {
                step!(1, "process {} became its program", child.pid());
                return Ok(child);
            };
            match message.bytes.split_first() {
                Some((&FAILED, json)) => return Err(SpawnError::Inside(parse_failure(json))),
                _ => message.descriptor.into_iter().for_each(|descriptor| child.receive(descriptor)),
            }
        }
        // ANCHOR_END: ex_release
    }
    // ANCHOR_END: release
}

fn parse_failure(json: &[u8]) -> Failure {
    serde_json::from_slice(json).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(json);
        Failure::new(FailureKind::System, format!("unreadable report from the child: {text}"))
    })
}

/// The child's end of the channel.
#[derive(Debug)]
pub struct Gate(Channel);

impl Gate {
    /// Waits until the parent calls [`Pending::release`]. If the parent is gone, this process ends.
    ///
    /// # Errors
    /// [`SpawnError::Channel`].
    // ANCHOR: gate_wait
    pub fn wait(&self) -> Result<(), SpawnError> {
        match self.0.receive() {
            Ok(Some(message)) if message.bytes == [GO] => Ok(()),
            Ok(_) => sys::exit_now(crate::ENGINE_FAILED),
            Err(errno) => Err(SpawnError::Channel { action: "wait for the parent of", errno }),
        }
    }
    // ANCHOR_END: gate_wait

    /// Closes every descriptor but the standard streams and this one: to be called when none of them is needed any more,
    /// and before the first path of a container is followed. Nothing that the caller still owns may be one of them.
    ///
    /// # Errors
    /// [`DescriptorError`], also for a standard stream that is a directory.
    pub fn close_others(&self) -> Result<(), DescriptorError> {
        descriptors::close_all_but(&[self.0.number()])
    }

    /// The same, and `kept` stay open: for a child that stays what it is and needs them.
    ///
    /// # Errors
    /// As [`Gate::close_others`].
    pub fn close_all_but(&self, kept: &[BorrowedFd]) -> Result<(), DescriptorError> {
        let kept: Vec<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).chain([self.0.number()]).collect();
        descriptors::close_all_but(&kept)
    }

    /// Whether whoever is at the other end is gone: nobody will hear how this ends, and nobody will end it.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }

    /// For a child that stays what it is, instead of becoming another program (PID 1 of `--init`): what it was to do
    /// is done, [`Pending::release`] returns as after an `exec`.
    pub fn done(&self) {
        self.0.close();
    }

    /// Hands the parent a descriptor: see [`Child::take_fd`].
    ///
    /// # Errors
    /// [`SpawnError::Channel`].
    pub fn send_fd(&self, descriptor: impl AsFd) -> Result<(), SpawnError> {
        self.0
            .send(&[DESCRIPTOR], Some(descriptor.as_fd()))
            .map_err(|errno| SpawnError::Channel { action: "send a descriptor to the parent of", errno })
    }
}

/// "new mount, uts namespaces", for messages.
fn names(flags: CloneFlags) -> String {
    const KINDS: [(u32, &str); 8] = [
        (libc::CLONE_NEWUSER.cast_unsigned(), "user"),
        (libc::CLONE_NEWNS.cast_unsigned(), "mount"),
        (libc::CLONE_NEWUTS.cast_unsigned(), "uts"),
        (libc::CLONE_NEWIPC.cast_unsigned(), "ipc"),
        (libc::CLONE_NEWPID.cast_unsigned(), "pid"),
        (libc::CLONE_NEWNET.cast_unsigned(), "net"),
        (libc::CLONE_NEWCGROUP.cast_unsigned(), "cgroup"),
        (0x80, "time"),
    ];
    let set: Vec<&str> =
        KINDS.iter().filter(|(bit, _)| flags.bits().cast_unsigned() & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "no new namespace".into() } else { format!("new namespaces: {}", set.join(" ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse_failure;
    use crate::channel::LONGEST;
    use crate::{Failure, FailureKind};

    proptest! {
        /// The child may have been killed in the middle, or be somebody else's idea of a child.
        #[test]
        fn any_bytes_are_a_failure(bytes: Vec<u8>) {
            prop_assert!(!parse_failure(&bytes).message.is_empty());
        }

        /// Escaped as JSON, with the byte in front, the longest report is one message.
        #[test]
        fn a_shortened_failure_fits_the_channel(text in "[\\u{1}-\\u{1f}é🦀x]{0,3000}") {
            let failure = Failure { message: text.clone(), hint: Some(text), kind: FailureKind::CommandNotFound };
            let bytes = serde_json::to_vec(&failure.shortened()).expect("plain data");
            prop_assert!(bytes.len() < LONGEST);
        }
    }
}
