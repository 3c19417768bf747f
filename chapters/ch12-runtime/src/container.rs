//! A container's life, seen from outside: made, let go, waited for, and cleaned up after.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use cgroups::Cgroup;
use namespaces::{Handle, IdMap, IdRange, Kind, Mode};
use nix::unistd::Pid;
use process::{Child, Pending, Spawn, SpawnError, step};
use rootfs::{Mount, Root, Sources};

use crate::become_program::keep_private;
use crate::error::PlanError;
use crate::group::Group;
use crate::inside::{self, Setup};
use crate::net_devices::{self, NetDeviceError};
use crate::notice::notice;
use crate::plan::Plan;
use crate::runtime_error::{RuntimeError, set_oom_score_adj};
use crate::spec::{Hooks, Spec};
use crate::stdio::{self, Ends, Stdio};

/// What is to be started.
#[derive(Debug)]
pub struct Container<'a> {
    /// Its id; names the control group where the specification does not.
    pub id: &'a str,
    /// The description.
    pub spec: &'a Spec,
    /// The root file system.
    pub root: Root,
    /// Standard streams.
    pub stdio: Stdio,
    /// Where compiled filters are kept.
    pub cache: Option<PathBuf>,
    /// Whether the program ends with whoever starts it, also if that is killed.
    pub attached: bool,
}

/// A container that runs its program. Dropped, it is killed, and its group removed.
#[derive(Debug)]
pub struct Running {
    /// Our ends of its streams.
    pub ends: Ends,
    // Fields are dropped in this order: the program ends before its group goes.
    child: Child,
    cgroup: Group,
}

/// A container whose namespaces are there, with its first process in them, waiting: the moment for whoever gives it a
/// network. Dropped, it is killed, and its group removed.
#[derive(Debug)]
pub struct Created {
    /// Our ends of its streams.
    pub ends: Ends,
    pending: Pending,
    cgroup: Group,
}

impl Container<'_> {
    /// Makes the container and returns once its program runs. The caller must have one thread.
    ///
    /// # Errors
    /// [`RuntimeError`]; nothing is left behind.
    pub fn start(self) -> Result<Running, RuntimeError> {
        self.create(Setup::default())?.start()
    }

    /// Makes the container's process, namespaces and control group. The caller must have one thread.
    ///
    /// # Errors
    /// [`RuntimeError`]; nothing is left behind.
    // ANCHOR: create
    pub fn create(self, setup: Setup) -> Result<Created, RuntimeError> {
        let plan = Plan::new(self.spec, self.id, self.cache.as_deref())?;
        if setup.state.is_none() && plan.hooks != Hooks::default() {
            return Err(PlanError::Unsupported("hooks, without a state for them to read".into()).into());
        }
        let notice = notice(&plan.process, setup.state.as_ref())?;
        let mut setup = Setup { attached: self.attached, ..setup };
        let owner = plan.ids.as_ref().and_then(|maps| stdio::owner(maps, plan.process.user.0));
        let (ends, streams) = stdio::open_streams(self.stdio, owner).map_err(RuntimeError::Streams)?;
        let cgroup = Group::new(Cgroup::create(&plan.layout, &plan.cgroups_path, &plan.limits)?);
        let sources = sources(&plan, setup.shown.take())?;
        let visit = plan.namespaces.join_before_clone()?;
        let root = (self.root, sources);
        keep_private();
        let spawn = Spawn::new().namespaces(plan.clone_flags());
        let pending = cgroup
            .get()
            .start(spawn, |gate| inside::become_container(&plan, root, streams, &setup, notice.as_ref(), gate));
        visit.end()?;
        let pending = pending.map_err(SpawnError::Inside)?;
        if let Some((users, groups)) = &plan.ids {
            namespaces::write_maps(pending.pid(), users, groups)?;
        }
        if let Some(score) = plan.process.oom_score_adj {
            set_oom_score_adj(pending.pid(), score)?;
        }
        give_devices(&plan, self.spec, pending.pid())?;
        Ok(Created { ends, pending, cgroup })
    }
    // ANCHOR_END: create
}

/// The first process waits meanwhile, and is not yet where it joins.
fn give_devices(plan: &Plan, spec: &Spec, pid: Pid) -> Result<(), RuntimeError> {
    let devices = &spec.linux.net_devices;
    if devices.is_empty() {
        return Ok(());
    }
    if let Mode::Join(inside) = plan.namespaces.mode(Kind::Net) {
        return Ok(net_devices::move_into(inside, devices)?);
    }
    let inside = Handle::open(Kind::Net, format!("/proc/{pid}/ns/net")).map_err(NetDeviceError::from)?;
    Ok(net_devices::move_into(&inside, devices)?)
}

/// What has to be copied before the child is made: in a user namespace it could not reach it.
fn sources(plan: &Plan, shown: Option<OwnedFd>) -> Result<Option<Sources>, RuntimeError> {
    let (rootfs, all) = (&plan.rootfs, plan.ids.is_some());
    if !all && shown.is_none() && !rootfs.maps_ids()? {
        return Ok(None);
    }
    let mut sources = rootfs.sources(all, users_of)?;
    if let Some(tree) = shown {
        sources.show(rootfs, tree);
    }
    Ok(Some(sources))
}

/// What shows the owners of the mount's files as others.
fn users_of(mount: &Mount) -> Result<OwnedFd, RuntimeError> {
    let map = |ranges: &Vec<IdRange>| IdMap::new(ranges.clone()).map_err(PlanError::from);
    Ok(namespaces::user_namespace(&map(&mount.uid_mappings)?, &map(&mount.gid_mappings)?)?)
}

impl Created {
    /// Its first process.
    pub fn pid(&self) -> Pid {
        self.pending.pid()
    }

    /// Lets it go on, and returns once its program runs; behind a [`Door`](crate::Door), once everything else is done.
    ///
    /// # Errors
    /// [`RuntimeError::Spawn`]; nothing is left behind.
    // ANCHOR: start
    pub fn start(self) -> Result<Running, RuntimeError> {
        let Self { mut ends, pending, cgroup } = self;
        let mut child = pending.release()?;
        step!(12, "the program runs as process {}", child.pid());
        ends.terminal = child.take_fd();
        Ok(Running { ends, child, cgroup })
    }
    // ANCHOR_END: start
}

impl Running {
    /// The program, and the group of everything that it starts.
    pub fn parts(&mut self) -> (&mut Child, &Cgroup) {
        (&mut self.child, self.cgroup.get())
    }

    /// The program.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Leaves it to itself: whoever has its number can end it, and whoever inherits our children waits for it.
    pub fn leave(self) {
        self.child.leave();
        self.cgroup.leave();
    }

    /// Ends what the container has left running, and hands over what it leaves in the kernel: its group, to be removed.
    /// Call it after the program has ended.
    ///
    /// # Errors
    /// [`CgroupError`].
    pub fn end(self) -> Result<Cgroup, RuntimeError> {
        let Self { child, cgroup, .. } = self;
        drop(child);
        Ok(cgroup.emptied()?)
    }
}
