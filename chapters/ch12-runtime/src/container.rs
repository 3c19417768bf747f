//! A container's life, seen from outside: made, let go, waited for, and cleaned up after.

use std::path::PathBuf;

use cgroups::Cgroup;
use process::{Child, Spawn, SpawnError, step};
use rootfs::Root;

use crate::become_program::keep_private;
use crate::group::Group;
use crate::inside;
use crate::plan::Plan;
use crate::runtime_error::{RuntimeError, set_oom_score_adj};
use crate::spec::Spec;
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

impl Container<'_> {
    /// Makes the container and returns once its program runs. The caller must have one thread.
    ///
    /// # Errors
    /// [`RuntimeError`]; nothing is left behind.
    // ANCHOR: start
    pub fn start(self) -> Result<Running, RuntimeError> {
        let plan = Plan::new(self.spec, self.id, self.cache.as_deref())?;
        let owner = plan.ids.as_ref().and_then(|maps| stdio::owner(maps, plan.process.user.0));
        let (mut ends, streams) = stdio::open_streams(self.stdio, owner).map_err(RuntimeError::Streams)?;
        let sources = plan.ids.is_some().then(|| plan.rootfs.sources()).transpose()?;
        let cgroup = Group::new(Cgroup::create(&plan.layout, &plan.cgroups_path, &plan.limits)?);
        let visit = plan.namespaces.join_before_clone()?;
        let (root, attached) = ((self.root, sources), self.attached);
        keep_private();
        let spawn = Spawn::new().namespaces(plan.clone_flags());
        let pending = cgroup.get().start(spawn, |gate| inside::become_container(&plan, root, streams, attached, gate));
        visit.end()?;
        let pending = pending.map_err(SpawnError::Inside)?;
        if let Some((users, groups)) = &plan.ids {
            namespaces::write_maps(pending.pid(), users, groups)?;
        }
        if let Some(score) = plan.process.oom_score_adj {
            set_oom_score_adj(pending.pid(), score)?;
        }
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
