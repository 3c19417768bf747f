//! Entering the namespaces of a process that runs: what `docker exec` and `nsenter` are made of.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use process::{Diagnose, FailureKind, Identity, IdentityError, has_ended, step};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::handle::{Handle, HandleError, NamespaceId};
use crate::kind::{self, Kind};
use crate::plan::Visit;
use crate::refusal;

/// A process's namespaces could not be entered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnterError {
    /// No such process, or none that may be held.
    #[error("open process {pid}: {errno}")]
    Process {
        /// Its id.
        pid: Pid,
        /// The kernel's reason.
        errno: Errno,
    },
    /// It is not that process any more.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// One of its namespaces.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// `setns(2)` on the pidfd.
    #[error("enter {} namespaces of process {pid}: {errno}", kind::list(kinds.iter().copied()))]
    Enter {
        /// The process.
        pid: Pid,
        /// What was to be entered.
        kinds: Vec<Kind>,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for EnterError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Handle | Identity)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Process { errno: Errno::ESRCH, .. } | Self::Enter { errno: Errno::ESRCH, .. } => {
                FailureKind::NotFound
            }
            Self::Process { errno, .. } | Self::Enter { errno, .. } => (*errno).into(),
            Self::Handle(_) | Self::Identity(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Process { errno: Errno::ESRCH, .. } | Self::Enter { errno: Errno::ESRCH, .. } => {
                Some("the process has ended".into())
            }
            Self::Enter { kinds, errno, .. } => refusal::cure(*errno, kinds),
            _ => None,
        }
    }
}

/// A running process whose namespaces we want, held by pidfd so that its id cannot pass to another.
#[derive(Debug)]
pub struct Target {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Target {
    /// Takes hold of process `pid`.
    pub fn open(pid: Pid) -> Result<Self, EnterError> {
        let raw =
            rustix::process::Pid::from_raw(pid.as_raw()).ok_or(EnterError::Process { pid, errno: Errno::ESRCH })?;
        let pidfd = pidfd_open(raw, PidfdFlags::empty())
            .map_err(|error| EnterError::Process { pid, errno: Errno::from_raw(error.raw_os_error()) })?;
        Ok(Self { pid, pidfd })
    }

    /// Takes hold of the process that is meant, and of no other that has its id now.
    pub fn of(identity: Identity) -> Result<Self, EnterError> {
        Ok(Self { pid: Pid::from_raw(identity.pid), pidfd: identity.open()? })
    }

    /// The directory that it has for its root, as an `O_PATH` descriptor.
    pub fn root(&self) -> Result<OwnedFd, EnterError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let failed = |errno| EnterError::Process { pid: self.pid, errno };
        let root = open(format!("/proc/{}/root", self.pid).as_str(), flags, Mode::empty()).map_err(failed)?;
        // As long as it lives, its id is nobody else's: the root was its own.
        if has_ended(&self.pidfd) { Err(failed(Errno::ESRCH)) } else { Ok(root) }
    }

    /// Its id.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    fn link(&self, kind: Kind) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/{}", self.pid, kind.proc_name()))
    }

    /// Those of `kinds` in which it lives apart from us.
    pub fn foreign(&self, kinds: &[Kind]) -> Result<Vec<Kind>, EnterError> {
        let mut foreign = Vec::new();
        for &kind in kinds {
            if NamespaceId::of(self.pid, kind)? != NamespaceId::own(kind)? {
                foreign.push(kind);
            }
        }
        Ok(foreign)
    }
}

/// What [`enter`] did.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a pid namespace is entered by children only"]
pub struct Entered {
    /// The kinds that the calling thread was not in before.
    pub kinds: Vec<Kind>,
}

impl Entered {
    /// Whether a pid namespace is among them: the caller keeps its own pid, so a fork has to follow, and the child is inside.
    pub fn needs_fork(&self) -> bool {
        self.kinds.contains(&Kind::Pid)
    }
}

/// Has the children that the calling thread makes from now on born in the pid namespace of `target`, until [`Visit::end`].
///
/// The thread itself stays where it is, and so does everything else of it. Such a child is the caller's, see [`enter`].
///
/// # Errors
/// [`EnterError`].
// ANCHOR: visit_pid
pub fn visit_pid(target: &Target) -> Result<Visit, EnterError> {
    if target.foreign(&[Kind::Pid])?.is_empty() {
        return Ok(Visit::at_home());
    }
    let home = Handle::own(Kind::Pid)?;
    setns(&target.pidfd, CloneFlags::CLONE_NEWPID).map_err(|errno| EnterError::Enter {
        pid: target.pid,
        kinds: vec![Kind::Pid],
        errno,
    })?;
    Ok(Visit::back_to(home))
}
// ANCHOR_END: visit_pid

/// Moves the calling thread into those namespaces of `target` that are of `kinds` and not ours already.
///
/// Afterwards the root and the working directory are those of the joined mount namespace, and inside a joined user
/// namespace the caller has all capabilities and still its old user id.
///
/// A child made after entering a pid namespace is the caller's, not the container's: the container's first process
/// cannot be waited for until the caller has reaped that child.
///
/// # Errors
/// [`EnterError`]; in one call, so either all are entered or none (on Linux before 5.8: perhaps some).
// ANCHOR: enter
pub fn enter(target: &Target, kinds: &[Kind]) -> Result<Entered, EnterError> {
    // The kernel refuses the user namespace that we are in already (EINVAL), and the others cost time.
    let kinds = target.foreign(kinds)?;
    if kinds.is_empty() {
        return Ok(Entered { kinds });
    }
    // ANCHOR: enter_call
    let flags: CloneFlags = kinds.iter().map(|kind| kind.clone_flag()).collect();
    match setns(&target.pidfd, flags) {
        Ok(()) => {}
        // Linux before 5.8 takes no pidfd here.
        Err(Errno::EINVAL) => return enter_one_by_one(target, &kinds),
        Err(errno) => return Err(EnterError::Enter { pid: target.pid, kinds, errno }),
    }
    // ANCHOR_END: enter_call
    step!(2, "entered {} namespaces of process {}", kind::list(kinds.iter().copied()), target.pid);
    Ok(Entered { kinds })
}
// ANCHOR_END: enter

/// [`enter`], one `setns(2)` per kind: what the kernel does in its one call, spelled out.
///
/// # Errors
/// [`EnterError`]; those before the one that failed stay entered.
// ANCHOR: enter_one_by_one
pub fn enter_one_by_one(target: &Target, kinds: &[Kind]) -> Result<Entered, EnterError> {
    // ANCHOR: ex_enter
    // All are opened while /proc is still the one that knows the target by this pid.
    let mut handles = Vec::new();
    for &kind in kinds {
        let handle = Handle::open(kind, target.link(kind))?;
        if !handle.is_ours()? {
            handles.push(handle);
        }
    }
    handles.sort_by_key(Handle::kind);
    handles.iter().try_for_each(Handle::join)?;
    Ok(Entered { kinds: handles.iter().map(Handle::kind).collect() })
    // ANCHOR_END: ex_enter
}
// ANCHOR_END: enter_one_by_one
