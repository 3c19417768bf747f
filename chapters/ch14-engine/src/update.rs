//! `update`: other limits, and another restart policy, for a container that exists; for one that runs, at once.

use cgroups::{Cgroup, Layout, Limits};
use process::{Diagnose, Failure, FailureKind};
use thiserror::Error;

use crate::control::Control;
use crate::create::{HostConfig, Resources};
use crate::engine::Engine;
use crate::resolve_error::ResolveError;
use crate::restart::RestartPolicy;
use crate::saved::{Saved, Status};
use crate::state::StateError;
use crate::wire::Request;
use crate::wished_limits::checked_limits;

/// What is to change. What is 0 or empty stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// Limits.
    pub resources: Resources,
    /// Whether it comes back after its end.
    pub restart: Option<RestartPolicy>,
}

/// Why it stays as it is. The words are docker's.
#[derive(Debug, Error)]
enum UpdateError {
    #[error("Conflicting options: {0} cannot be updated as {1} has already been set")]
    Conflict(&'static str, &'static str),
    #[error("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")]
    Swap,
    #[error("Restart policy cannot be updated because AutoRemove is enabled for the container")]
    AutoRemove,
}

impl Diagnose for UpdateError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Conflict)
    }
}

impl Engine {
    /// Changes a container.
    ///
    /// # Errors
    /// [`Failure`]; then it is as it was.
    pub fn update(&self, name: &str, update: &Update) -> Result<(), Failure> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        update.check(processors)?;
        let id = self.find(name)?.saved.id;
        let gone = || StateError::NotFound(name.into());
        let _lock = self.store().lock(&id)?.ok_or_else(gone)?;
        let container = self.store().load(&id)?.ok_or_else(gone)?;
        let before = container.saved;
        let mut after = before.clone();
        let cannot = |mut failure: Failure| {
            failure.message = format!("Cannot update container {id}: {}", failure.message);
            failure
        };
        update.apply(&mut after.create.host).map_err(|error| cannot(error.into()))?;
        let resources = &after.create.host.resources;
        after.record.limits =
            checked_limits(resources, after.record.privileged, processors).map_err(|error| cannot(error.into()))?;
        after.record.resources = resources.clone();
        self.store().write_record(&after)?;
        if matches!(container.state.status, Status::Running | Status::Paused)
            && let Err(failure) = set(&before, &after.record.limits)
        {
            // What the kernel did not take must not stand in the record.
            self.store().write_record(&before)?;
            let _ = set(&before, &before.record.limits);
            return Err(cannot(failure));
        }
        self.tell(&after, "update");
        self.reload(&after)
    }

    /// Has a shim read the record again.
    fn reload(&self, saved: &Saved) -> Result<(), Failure> {
        match Control::call(self.store(), &saved.id)? {
            Some(control) => control.demand(Request::Reload).map(drop),
            None => Ok(()),
        }
    }
}

/// The limits of a group that is there. The list of devices stays as it is.
fn set(saved: &Saved, limits: &Limits) -> Result<(), Failure> {
    let group = Cgroup::open(&Layout::detect()?, &saved.record.group(&saved.id))?;
    Ok(group.update(&Limits { devices: Vec::new(), ..limits.clone() })?)
}

impl Update {
    /// What can be seen without the container.
    fn check(&self, processors: usize) -> Result<(), ResolveError> {
        if let Some(policy) = &self.restart {
            policy.check().map_err(ResolveError::Restart)?;
        }
        // With a limit that is set already, one of both together is enough.
        let swap = if self.resources.memory == 0 { 0 } else { self.resources.memory_swap };
        checked_limits(&Resources { memory_swap: swap, ..self.resources.clone() }, false, processors).map(drop)
    }

    fn apply(&self, host: &mut HostConfig) -> Result<(), UpdateError> {
        let (new, old) = (&self.resources, &mut host.resources);
        for (conflict, what, with) in [
            (new.nano_cpus > 0 && old.cpu_period > 0, "Nano CPUs", "CPU Period"),
            (new.nano_cpus > 0 && old.cpu_quota > 0, "Nano CPUs", "CPU Quota"),
            (new.cpu_period > 0 && old.nano_cpus > 0, "CPU Period", "NanoCPUs"),
            (new.cpu_quota > 0 && old.nano_cpus > 0, "CPU Quota", "NanoCPUs"),
        ] {
            if conflict {
                return Err(UpdateError::Conflict(what, with));
            }
        }
        // With a limit of memory alone, docker has allowed as much swap.
        if old.memory_swap == 0 {
            old.memory_swap = old.memory.saturating_mul(2);
        }
        if new.memory != 0 && new.memory > old.memory_swap && new.memory_swap == 0 {
            return Err(UpdateError::Swap);
        }
        take(&mut old.blkio_weight, new.blkio_weight);
        for (old, new) in [
            (&mut old.cpu_shares, new.cpu_shares),
            (&mut old.nano_cpus, new.nano_cpus),
            (&mut old.cpu_period, new.cpu_period),
            (&mut old.cpu_quota, new.cpu_quota),
            (&mut old.memory, new.memory),
            (&mut old.memory_swap, new.memory_swap),
            (&mut old.memory_reservation, new.memory_reservation),
        ] {
            take(old, new);
        }
        take(&mut old.cpuset_cpus, new.cpuset_cpus.clone());
        take(&mut old.cpuset_mems, new.cpuset_mems.clone());
        old.pids_limit = new.pids_limit.or(old.pids_limit);
        if let Some(policy) = &self.restart {
            if host.auto_remove && !matches!(policy.name.as_str(), "" | "no") {
                return Err(UpdateError::AutoRemove);
            }
            host.restart_policy = policy.clone();
        }
        Ok(())
    }
}

fn take<T: Default + PartialEq>(old: &mut T, new: T) {
    if new != T::default() {
        *old = new;
    }
}
