//! A control group, whatever the machine has: one type over v1 and v2.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::Pid;
use process::{Diagnose, step};
use thiserror::Error;

use crate::directory::FileError;
use crate::layout::{Layout, LayoutError};
use crate::limits::Limits;
use crate::oom::OomWatch;
use crate::stats::Stats;
use crate::{v1, v2};

/// What goes wrong with groups.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// The machine.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A limit that this machine cannot set.
    #[error("{what} needs the control group controller {controller}, which this machine does not have")]
    Missing {
        /// The wish.
        what: &'static str,
        /// What it needs.
        controller: String,
    },
    /// v2's rule: a group has processes or hands controllers down, not both.
    #[error("hand controllers down from {group}: it has processes of its own")]
    Occupied {
        /// The group.
        group: PathBuf,
    },
    /// The device program.
    #[error("{action} the device program: {errno}")]
    Devices {
        /// "load" or "attach".
        action: &'static str,
        /// The reason.
        errno: Errno,
    },
    /// Waiting for a change.
    #[error("wait for {group}: {errno}")]
    Wait {
        /// The group.
        group: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// A path that leads elsewhere.
    #[error("invalid control group path {0:?}: no '..' in it, please")]
    Path(PathBuf),
}

impl Diagnose for CgroupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Layout(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Missing { controller, .. } => Some(match controller.as_str() {
                "memory" => "boot with cgroup_enable=memory; see what there is: cat /proc/cgroups".into(),
                _ => "see what there is: mini-docker info".into(),
            }),
            Self::Occupied { .. } => {
                Some("inside a container, move these processes to a group below first (cgroups(7), \"no internal processes\")".into())
            }
            Self::Devices { errno: Errno::EPERM, .. } => Some("loading a BPF program needs CAP_BPF".into()),
            _ => None,
        }
    }
}

/// A group. It stays until [`Cgroup::remove`].
#[derive(Debug)]
pub struct Cgroup(Version);

#[derive(Debug)]
enum Version {
    V1(v1::Group),
    V2(v2::Group),
}

impl Cgroup {
    /// Makes the group `path` (from the top of each hierarchy) and sets its limits. Only the controllers that the limits
    /// ask for are used.
    ///
    /// # Errors
    /// [`CgroupError`]; nothing is left behind.
    pub fn create(layout: &Layout, path: &Path, limits: &Limits) -> Result<Self, CgroupError> {
        let path = relative(path)?;
        let group = match layout {
            Layout::V1(..) => Self(Version::V1(v1::Group::create(layout, path, limits)?)),
            Layout::V2(mount) => match v2::Group::create(mount, path, limits) {
                Ok(group) => Self(Version::V2(group)),
                Err(error) => {
                    let _ = crate::directory::remove_tree(&mount.join(path));
                    return Err(error);
                }
            },
        };
        let controllers = limits.controllers();
        let names = if controllers.is_empty() { "no limits".into() } else { controllers.join(" ") };
        step!(4, "control group {} on v{}: {names}", path.display(), layout.version());
        Ok(group)
    }

    /// The group `path`, if it exists.
    ///
    /// # Errors
    /// [`CgroupError::File`] on v2 if it does not.
    pub fn open(layout: &Layout, path: &Path) -> Result<Self, CgroupError> {
        let path = relative(path)?;
        Ok(Self(match layout {
            Layout::V1(..) => Version::V1(v1::Group::open(layout, path)),
            Layout::V2(mount) => Version::V2(v2::Group::open(mount, path)?),
        }))
    }

    /// Its directories: one on v2, one for each controller on v1.
    pub fn paths(&self) -> Vec<PathBuf> {
        match &self.0 {
            Version::V1(group) => group.paths(),
            Version::V2(group) => group.paths(),
        }
    }

    /// On v2, the directory that `clone3` can put a child into at birth. On v1 there is no such thing: see
    /// [`Cgroup::add`].
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn birthplace(&self) -> Result<Option<OwnedFd>, CgroupError> {
        match &self.0 {
            Version::V1(_) => Ok(None),
            Version::V2(group) => group.descriptor().map(Some),
        }
    }

    /// Moves a process into the group. It must not have forked yet: its children would stay outside.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn add(&self, pid: Pid) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.add(pid.as_raw()),
            Version::V2(group) => group.add(pid.as_raw()),
        }
    }

    /// The processes in it, as our PID namespace counts them.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn procs(&self) -> Result<Vec<Pid>, CgroupError> {
        let procs = match &self.0 {
            Version::V1(group) => group.procs()?,
            Version::V2(group) => group.procs()?,
        };
        Ok(procs.into_iter().map(Pid::from_raw).collect())
    }

    /// Changes limits; what is absent stays.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn update(&self, limits: &Limits) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.set(limits),
            Version::V2(group) => group.set(limits),
        }
    }

    /// Stops every process in it, and returns when they stand still.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn freeze(&self) -> Result<(), CgroupError> {
        self.set_frozen(true)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn thaw(&self) -> Result<(), CgroupError> {
        self.set_frozen(false)
    }

    fn set_frozen(&self, frozen: bool) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.freeze(frozen),
            Version::V2(group) => group.freeze(frozen),
        }
    }

    /// Ends every process in it and below, and returns when they are gone.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn kill(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.kill(),
            Version::V2(group) => group.kill(),
        }
    }

    /// Removes it and what is below. No process may be in it any more.
    ///
    /// # Errors
    /// [`CgroupError::File`]: `EBUSY` while a process is in there.
    pub fn remove(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.remove(),
            Version::V2(group) => group.remove(),
        }
    }

    /// Something to wait on for the next out-of-memory kill.
    ///
    /// # Errors
    /// [`CgroupError::Missing`] without the memory controller.
    pub fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        match &self.0 {
            Version::V1(group) => group.oom_watch(),
            Version::V2(group) => group.oom_watch(),
        }
    }

    /// What it has used so far.
    pub fn stats(&self) -> Stats {
        match &self.0 {
            Version::V1(group) => group.stats(),
            Version::V2(group) => group.stats(),
        }
    }
}

/// Ends and removes what a killed engine has left of the group `path`. Quiet: there is nobody to tell.
pub fn remove_abandoned(path: &Path) {
    let group = Layout::detect().map_err(CgroupError::from).and_then(|layout| Cgroup::open(&layout, path));
    if let Ok(group) = group
        && group.kill().is_ok()
    {
        let _ = group.remove();
    }
}

fn relative(path: &Path) -> Result<&Path, CgroupError> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && below.components().next().is_some() { Ok(below) } else { Err(CgroupError::Path(path.into())) }
}
