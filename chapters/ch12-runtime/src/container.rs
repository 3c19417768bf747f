//! A container's life, seen from outside: made, let go, waited for, and cleaned up after.

use std::fs;
use std::io;
use std::path::PathBuf;

use cgroups::{Cgroup, CgroupError};
use namespaces::NamespacesError;
use nix::unistd::{Gid, Pid, Uid, geteuid};
use process::{Child, Diagnose, FailureKind, Spawn, SpawnError, step};
use rootfs::{Root, RootfsError};
use thiserror::Error;

use crate::error::PlanError;
use crate::inside;
use crate::plan::Plan;
use crate::spec::Spec;
use crate::stdio::{self, Ends, Stdio};

/// Why a container did not start, or could not be cleaned up.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// The specification.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// A namespace to join.
    #[error(transparent)]
    Namespaces(#[from] NamespacesError),
    /// The id maps.
    #[error(transparent)]
    IdMaps(#[from] namespaces::UserMapError),
    /// What it binds.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// Pipes.
    #[error("open pipes for standard input and output: {0}")]
    Streams(io::Error),
    /// How soon it is killed when memory is out.
    #[error("write {score} to /proc/{pid}/oom_score_adj: {source}")]
    OomScore {
        /// The process.
        pid: Pid,
        /// From the specification.
        score: i32,
        /// The reason.
        source: io::Error,
    },
    /// The process, or what it reported from inside.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

impl Diagnose for RuntimeError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Plan | Cgroup | Namespaces | IdMaps | Rootfs | Spawn)
    }

    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Streams(_) | Self::OomScore { .. }).then_some(FailureKind::System)
    }
}

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
        let owner = plan.ids.as_ref().and_then(|(users, groups)| {
            let (user, root) = (users.to_outside(plan.user.0.as_raw())?, groups.to_outside(0)?);
            Some((Uid::from_raw(user), Gid::from_raw(root)))
        });
        let (mut ends, streams) = stdio::open_streams(self.stdio, owner).map_err(RuntimeError::Streams)?;
        let sources = plan.ids.is_some().then(|| plan.rootfs.sources()).transpose()?;
        let cgroup = Group(Some(Cgroup::create(&plan.layout, &plan.cgroups_path, &plan.limits)?));
        let visit = plan.namespaces.join_before_clone()?;
        let (root, attached) = ((self.root, sources), self.attached);
        // From its first instant in a namespace that others may be in, the child has power that they must not borrow.
        keep_private();
        let spawn = Spawn::new().namespaces(plan.clone_flags());
        let pending = cgroup.get().start(spawn, |gate| inside::become_container(&plan, root, streams, attached, gate));
        visit.end()?;
        let pending = pending.map_err(SpawnError::Inside)?;
        if let Some((users, groups)) = &plan.ids {
            namespaces::write_maps(pending.pid(), users, groups)?;
        }
        if let Some(score) = plan.oom_score_adj {
            set_oom_score_adj(pending.pid(), score)?;
        }
        let mut child = pending.release()?;
        step!(12, "the program runs as process {}", child.pid());
        ends.terminal = child.take_fd();
        Ok(Running { ends, child, cgroup })
    }
    // ANCHOR_END: start
}

/// Neither this process nor its copy can be traced, and its files in `/proc` are root's alone (`PR_SET_DUMPABLE`): who
/// shares a PID namespace with it reaches nothing through it. `exec` takes it back. For an ordinary user it would be in
/// the way of writing id maps, so there it is the child that does it, afterwards.
fn keep_private() {
    if geteuid().is_root() {
        inside::refuse_tracers();
    }
}

/// From outside, because in a user namespace the child's files in `/proc` are not its own any more.
fn set_oom_score_adj(pid: Pid, score: i32) -> Result<(), RuntimeError> {
    fs::write(format!("/proc/{pid}/oom_score_adj"), score.to_string()).map_err(|source| RuntimeError::OomScore {
        pid,
        score,
        source,
    })
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

/// A group that does not outlive its container.
#[derive(Debug)]
struct Group(Option<Cgroup>);

impl Group {
    fn get(&self) -> &Cgroup {
        self.0.as_ref().expect("present until it is removed")
    }

    /// Without a process, and for others to remove.
    fn emptied(mut self) -> Result<Cgroup, CgroupError> {
        self.get().kill()?;
        Ok(self.0.take().expect("present until now"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take()
            && group.kill().is_ok()
        {
            let _ = group.remove();
        }
    }
}
