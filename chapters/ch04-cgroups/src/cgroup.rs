//! A control group, whatever the machine has: one type over v1 and v2.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::unistd::Pid;
use process::{Failure, Gate, Pending, Spawn, step};

use crate::entrance::Entrance;
use crate::error::CgroupError;
use crate::killer::Killer;
use crate::layout::Layout;
use crate::limits::Limits;
use crate::oom::OomWatch;
use crate::stats::Stats;
use crate::{v1, v2};

/// A group. It stays until [`Cgroup::remove`].
#[derive(Debug)]
pub struct Cgroup(Version);

#[derive(Debug)]
enum Version {
    V1(v1::Group),
    V2(v2::Group),
}

impl Cgroup {
    /// Makes the group `path` (from the top of each hierarchy) and sets its limits. On v2, only the controllers that the
    /// limits ask for are used.
    ///
    /// # Errors
    /// [`CgroupError`]; nothing is left behind but the parents of the group.
    pub fn create(layout: &Layout, path: &Path, limits: &Limits) -> Result<Self, CgroupError> {
        Self::create_with(layout, path, limits, &[])
    }

    /// The same with more controllers, by their v1 names, that are to count and not to limit: `cpuacct`, `memory`, `pids`,
    /// `blkio`. On v2 each costs time at the start, and at each page or fork of the container's life; on v1 all that are
    /// mounted do.
    ///
    /// # Errors
    /// As [`Cgroup::create`].
    pub fn create_with(
        layout: &Layout,
        path: &Path,
        limits: &Limits,
        accounts: &[&'static str],
    ) -> Result<Self, CgroupError> {
        let path = relative(path)?;
        let group = Self(match layout {
            Layout::V1(..) => Version::V1(v1::Group::create(layout, path, limits, accounts)?),
            Layout::V2(mount) => Version::V2(v2::Group::create(mount, path, limits, accounts)?),
        });
        step!(4, "control group {} on v{}: {}", path.display(), layout.version(), summary(limits, accounts));
        Ok(group)
    }

    /// The group `path` without limits, made by whoever comes first and never removed: for processes that have nothing in
    /// common but that they are not to be counted, stopped or ended with those who start them.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn shared(layout: &Layout, path: &Path) -> Result<Self, CgroupError> {
        let path = relative(path)?;
        Ok(Self(match layout {
            Layout::V1(..) => Version::V1(v1::Group::shared(layout, path)?),
            Layout::V2(mount) => Version::V2(v2::Group::shared(mount, path)?),
        }))
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

    /// A group below for some of its processes, with no limits of its own: the limits of this one hold for it, too. On v1
    /// it is in one tree only, the freezer's, and its processes are in this group everywhere else.
    ///
    /// # Errors
    /// [`CgroupError::File`], [`CgroupError::InUse`].
    pub fn part(&self, name: &str) -> Result<Self, CgroupError> {
        relative(Path::new(name))?;
        Ok(Self(match &self.0 {
            Version::V1(group) => Version::V1(group.part(name)?),
            Version::V2(group) => Version::V2(group.part(name)?),
        }))
    }

    /// What ends its processes, for who will not have its directory any more.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn killer(&self) -> Result<Killer, CgroupError> {
        match &self.0 {
            Version::V1(group) => group.killer(),
            Version::V2(group) => group.killer(),
        }
    }

    /// Whether its processes stand still: it, or a group above it, is frozen.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn is_frozen(&self) -> Result<bool, CgroupError> {
        match &self.0 {
            Version::V1(group) => group.is_frozen(),
            Version::V2(group) => group.is_frozen(),
        }
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

    /// The way in for a process that moves itself.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn entrance(&self) -> Result<Entrance, CgroupError> {
        let doors = match &self.0 {
            Version::V1(group) => group.doors()?,
            Version::V2(group) => group.doors()?,
        };
        Ok(Entrance::new(doors))
    }

    /// [`Spawn::start`], with the child in this group before `inside` runs: nothing that it starts is outside.
    ///
    /// On v2 it is born in the group. On v1 its first act is to move itself.
    ///
    /// # Errors
    /// Those of `start`, and [`CgroupError::File`].
    pub fn start<E, F>(&self, spawn: Spawn, inside: F) -> Result<Pending, Failure>
    where
        E: Into<Failure>,
        F: FnOnce(&Gate) -> Result<Infallible, E>,
    {
        let pending = self.start_inside(spawn, inside)?;
        step!(4, "process {} begins in its control group", pending.pid());
        Ok(pending)
    }

    // ANCHOR: start
    fn start_inside<E, F>(&self, spawn: Spawn, inside: F) -> Result<Pending, Failure>
    where
        E: Into<Failure>,
        F: FnOnce(&Gate) -> Result<Infallible, E>,
    {
        // ANCHOR: ex_start
        if let Some(directory) = self.birthplace()? {
            return Ok(spawn.cgroup(Some(directory)).start(inside)?);
        }
        let entrance = self.entrance()?;
        let pending = spawn.start(|gate| -> Result<Infallible, Failure> {
            entrance.enter()?;
            inside(gate).map_err(Into::into)
        })?;
        Ok(pending)
        // ANCHOR_END: ex_start
    }
    // ANCHOR_END: start

    /// Moves a process into the group. What it has forked before stays outside, and the kernel takes 5 to 20 ms for it:
    /// see [`Cgroup::start`].
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn add(&self, pid: Pid) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.add(pid.as_raw())?,
            Version::V2(group) => group.add(pid.as_raw())?,
        }
        step!(4, "process {pid} moved into its control group");
        Ok(())
    }

    /// The processes in it and below, as our PID namespace counts them.
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

    /// Changes limits; what is absent stays. So does the list of devices.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn update(&self, limits: &Limits) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.set(limits),
            Version::V2(group) => group.update(limits),
        }
    }

    /// Stops every process in it, and returns when they stand still.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn freeze(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.freeze(),
            Version::V2(group) => group.freeze(),
        }
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn thaw(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.thaw(),
            Version::V2(group) => group.thaw(),
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

    /// What [`Cgroup::kill`] does where the kernel has no call for it: v1, and v2 before Linux 5.14.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn kill_one_by_one(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.kill(),
            Version::V2(group) => group.kill_one_by_one(),
        }
    }

    /// Removes it and what is below; what is gone already is fine. Processes that are just ending are waited for.
    ///
    /// # Errors
    /// [`CgroupError::File`]: `EBUSY` while a process is in there that does not end.
    pub fn remove(&self) -> Result<(), CgroupError> {
        match &self.0 {
            Version::V1(group) => group.remove(),
            Version::V2(group) => group.remove(),
        }
    }

    /// Something to wait on until memory is out.
    ///
    /// # Errors
    /// [`CgroupError::Missing`] without the memory controller.
    pub fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        match &self.0 {
            Version::V1(group) => group.oom_watch(),
            Version::V2(group) => group.oom_watch(),
        }
    }

    /// How many processes were killed because memory was out.
    ///
    /// # Errors
    /// [`CgroupError::Missing`] without the memory controller.
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        match &self.0 {
            Version::V1(group) => group.oom_kills(),
            Version::V2(group) => group.oom_kills(),
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

/// "pids devices: 32 processes, 12 device rules".
fn summary(limits: &Limits, accounts: &[&str]) -> String {
    let mut controllers = limits.controllers();
    controllers.extend(accounts.iter().filter(|name| !limits.controllers().contains(name)));
    if controllers.is_empty() { limits.summary() } else { format!("{}: {}", controllers.join(" "), limits.summary()) }
}

fn relative(path: &Path) -> Result<&Path, CgroupError> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && below.components().next().is_some() { Ok(below) } else { Err(CgroupError::Path(path.into())) }
}
