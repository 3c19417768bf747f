//! Another process in a container that runs: what `docker exec` is made of.
//!
//! It is a child of ours, born in the container's control group and PID namespace; the other namespaces it enters itself,
//! and then goes the way of the container's first process, up to exec.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cgroups::{Cgroup, Layout};
use confinement::{Capability, ExecCpuAffinity};
use namespaces::{IdMap, Target, visit_pid};
use nix::poll::{PollFd, PollFlags, poll};
use process::{Child, Failure, Gate, Identity, Pending, Spawn, SpawnError, has_ended, step};
use rootfs::RootDir;

use crate::become_program::{hide_command_line, keep_private};
use crate::error::PlanError;
use crate::group::Group;
use crate::notice::notice;
use crate::process_plan::ProcessPlan;
use crate::runtime_error::{RuntimeError, set_oom_score_adj};
use crate::spec::{Process, Spec};
use crate::state::State;
use crate::stdio::{self, Ends, Stdio};
use crate::visitor::{Reaper, Visitor};

/// What is to be run, and where.
#[derive(Debug)]
pub struct Exec<'a> {
    /// The container's first process.
    pub init: Identity,
    /// The container's description: its filter holds for this process, too.
    pub spec: &'a Spec,
    /// The container's control group.
    pub cgroup: &'a Path,
    /// The process.
    pub process: &'a Process,
    /// Its standard streams.
    pub stdio: Stdio,
    /// Where compiled filters are kept.
    pub cache: Option<PathBuf>,
    /// Whether it ends with whoever starts it, also if that is killed.
    pub attached: bool,
    /// A name, new in this container, for a group below the container's: what the process has left running is then ended
    /// with it, and reaped. Without, it stays, and becomes a child of the container's first process.
    pub part: Option<&'a str>,
    /// Whether somebody with `CAP_SYS_PTRACE` is in its PID namespace who is not of this container.
    pub watched: bool,
    /// Descriptors of the caller that the program gets, from 3 on.
    pub preserved: i32,
    /// For whoever is asked about system calls; without, a filter that has somebody asked is refused.
    pub state: Option<State>,
}

/// A process that runs in a container. Dropped, it is killed, and what is in its part of the group with it.
#[derive(Debug)]
pub struct Executed {
    /// Our ends of its streams.
    pub ends: Ends,
    // Fields are dropped in this order: the process ends before its group goes.
    program: Option<LookedAfter>,
    child: Child,
    part: Option<Group>,
}

/// The group of a program whose reaper is our child.
#[derive(Debug)]
struct LookedAfter {
    group: Cgroup,
    /// Its pidfd.
    reaper: OwnedFd,
}

/// How long a reaper may take, when all that it looked after is killed.
const PATIENCE: u16 = 3000;

/// The root of a container that runs: to look up a user, say.
///
/// # Errors
/// [`RuntimeError::Stopped`], [`RuntimeError::Enter`].
pub fn root_of(init: Identity) -> Result<RootDir, RuntimeError> {
    let target = Target::of(init).map_err(RuntimeError::of_target)?;
    target.root().map(RootDir::from_fd).map_err(RuntimeError::of_target)
}

impl Exec<'_> {
    /// Starts it, and returns once its program runs. The caller must have one thread.
    ///
    /// # Errors
    /// [`RuntimeError`]; nothing is left behind.
    // ANCHOR: start
    pub fn start(self) -> Result<Executed, RuntimeError> {
        let plan = ProcessPlan::new(self.process, &self.spec.linux, self.cache.as_deref())?;
        let affinity = self.process.exec_cpu_affinity.as_ref();
        let target = Target::of(self.init).map_err(RuntimeError::of_target)?;
        let notice = notice(&plan, self.state.as_ref())?;
        let container = Cgroup::open(&Layout::detect().map_err(PlanError::from)?, self.cgroup)?;
        // Whoever enters a group that stands still, stands still.
        if container.is_frozen()? {
            return Err(RuntimeError::Paused);
        }
        let owner = id_maps(self.spec)?.and_then(|maps| stdio::owner(&maps, plan.user.0));
        let (mut ends, streams) = stdio::open_streams(self.stdio, owner).map_err(RuntimeError::Streams)?;
        let part = self.part.map(|name| container.part(name)).transpose()?.map(Group::new);
        let reaper = part.as_ref().filter(|_| !self.may_trace()).map(|part| Reaper::new(part.get())).transpose()?;
        keep_private();
        let visitor = Visitor {
            plan: &plan,
            target: &target,
            affinity,
            notice: notice.as_ref(),
            attached: self.attached,
            preserved: self.preserved,
        };
        let group = part.as_ref().map_or(&container, Group::get);
        let elsewhere = affinity.map(ExecCpuAffinity::begin).transpose().map_err(PlanError::from)?;
        let pending = begin(&target, group, |gate| match &reaper {
            None => {
                hide_command_line();
                visitor.join(streams, gate)
            }
            Some(reaper) => reaper.look_after(&visitor, streams, gate),
        });
        drop(elsewhere);
        let started = pending.and_then(|pending| {
            if let Some(score) = plan.oom_score_adj {
                set_oom_score_adj(pending.pid(), score)?;
            }
            Ok(pending.release()?)
        });
        let mut child = match started {
            // A container that ends takes nobody in any more, and the kernel has many words for that.
            Err(_) if !self.init.is_alive() => return Err(RuntimeError::Stopped),
            started => started?,
        };
        step!(12, "the program runs as process {} of the container", child.pid());
        ends.terminal = child.take_fd();
        let program = match reaper {
            None => None,
            Some(reaper) => Some(LookedAfter { group: reaper.into_group(), reaper: pidfd_of(&child)? }),
        };
        Ok(Executed { ends, program, child, part })
    }
    // ANCHOR_END: start

    /// Whether somebody in the container could make a process of ours do his work, by `ptrace(2)`. A reaper stays what it is,
    /// unfiltered and with our memory, so there it is not for him to find.
    fn may_trace(&self) -> bool {
        if self.watched {
            return true;
        }
        let ptrace = Capability::from_str("CAP_SYS_PTRACE").ok();
        let bounding = self.spec.process.as_ref().and_then(|process| process.capabilities).map(|sets| sets.bounding);
        ptrace.is_none_or(|ptrace| bounding.is_some_and(|bounding| bounding.contains(ptrace)))
    }
}

/// Makes a process that runs `join`: a child of ours, and a member of the container's PID namespace and of `group`. We stay
/// where we are, whatever comes of it.
// ANCHOR: begin
fn begin(
    target: &Target,
    group: &Cgroup,
    join: impl FnOnce(&Gate) -> Result<Infallible, Failure>,
) -> Result<Pending, RuntimeError> {
    // ANCHOR: ex_join
    let visit = visit_pid(target).map_err(RuntimeError::of_target)?;
    let pending = group.start(Spawn::new(), join);
    visit.end()?;
    Ok(pending.map_err(SpawnError::Inside)?)
    // ANCHOR_END: ex_join
}
// ANCHOR_END: begin

impl Executed {
    /// The process (with a part of the group of its own it is who looks after it, and ends as it does), and that part.
    pub fn parts(&mut self) -> (&mut Child, Option<&Cgroup>) {
        let program = self.program.as_ref().map(|program| &program.group);
        (&mut self.child, program.or(self.part.as_ref().map(Group::get)))
    }

    /// The process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Leaves it to itself: whoever has its number waits for it, or whoever inherits our children.
    pub fn leave(self) {
        std::mem::forget(self.program);
        self.child.leave();
        if let Some(part) = self.part {
            part.leave();
        }
    }

    /// Cleans up. Call it after the process has ended.
    ///
    /// # Errors
    /// [`RuntimeError::Cgroup`].
    pub fn end(self) -> Result<(), RuntimeError> {
        let Self { program, child, part, .. } = self;
        drop((program, child));
        let emptied = part.map(Group::emptied).transpose()?;
        Ok(emptied.map_or(Ok(()), |group| group.remove())?)
    }
}

fn pidfd_of(child: &Child) -> Result<OwnedFd, RuntimeError> {
    child.as_fd().try_clone_to_owned().map_err(RuntimeError::Streams)
}

impl Drop for LookedAfter {
    /// A reaper that is killed reaps nobody. So it is what he looks after that is killed, and he ends by himself.
    fn drop(&mut self) {
        if !has_ended(&self.reaper) && self.group.kill().is_ok() {
            let _ = poll(&mut [PollFd::new(self.reaper.as_fd(), PollFlags::POLLIN)], PATIENCE);
        }
    }
}

/// How the container's ids are seen from outside, if it has some of its own.
fn id_maps(spec: &Spec) -> Result<Option<(IdMap, IdMap)>, PlanError> {
    if spec.linux.uid_mappings.is_empty() || spec.linux.gid_mappings.is_empty() {
        return Ok(None);
    }
    Ok(Some((IdMap::new(spec.linux.uid_mappings.clone())?, IdMap::new(spec.linux.gid_mappings.clone())?)))
}
