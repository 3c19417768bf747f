//! The life of a container, command by command.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use cgroups::{Cgroup, Layout, Limits};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use process::{Identity, step, sys};

use super::Entry;
use super::error::{ContainersError, failed};
use crate::door;
use crate::error::PlanError;
use crate::hooks;
use crate::runtime_error::RuntimeError;
use crate::state::{State, Status};

/// How long a killed process may take to be gone. It gives back its memory first.
const PATIENCE: u16 = 10_000;

impl Entry {
    /// Its first process, while that lives.
    pub fn init(&self) -> Option<Identity> {
        self.record.init.filter(Identity::is_alive)
    }

    /// Where it is in its life: what the kernel says.
    // ANCHOR: status
    pub fn status(&self) -> Status {
        if self.init().is_none() {
            Status::Stopped
        } else if self.cgroup().and_then(|group| Ok(group.is_frozen()?)).unwrap_or(false) {
            Status::Paused
        } else if door::is_waited_at(&self.directory) {
            Status::Created
        } else {
            Status::Running
        }
    }
    // ANCHOR_END: status

    /// Its state.
    pub fn state(&self) -> State {
        let status = self.status();
        State {
            oci_version: crate::spec::OCI_VERSION.into(),
            id: self.record.id.clone(),
            pid: self.record.init.filter(|_| status != Status::Stopped).map_or(0, |init| init.pid),
            status,
            bundle: self.record.bundle.clone(),
            annotations: self.record.spec.annotations.clone(),
        }
    }

    /// Its control group.
    ///
    /// # Errors
    /// [`ContainersError::Cgroup`].
    pub fn cgroup(&self) -> Result<Cgroup, ContainersError> {
        let layout = Layout::detect().map_err(|error| RuntimeError::from(PlanError::from(error)))?;
        Ok(Cgroup::open(&layout, &self.record.cgroup)?)
    }

    /// Lets the program go that waits.
    ///
    /// # Errors
    /// [`ContainersError::Status`], [`ContainersError::Door`], [`ContainersError::Hook`].
    pub fn start(&self) -> Result<(), ContainersError> {
        match self.status() {
            Status::Created => {}
            Status::Paused => return Err(ContainersError::Status("cannot start a container in the paused state")),
            Status::Stopped => return Err(ContainersError::Status("cannot start a container that has stopped")),
            Status::Running | Status::Creating => {
                return Err(ContainersError::Status("cannot start an already running container"));
            }
        }
        door::open_door(&self.directory)?;
        door::remove(&self.directory);
        self.after_start()
    }

    /// The hooks that come then. If one fails, the container has failed.
    pub(super) fn after_start(&self) -> Result<(), ContainersError> {
        let hooks = &self.record.spec.hooks.poststart;
        if hooks.is_empty() {
            return Ok(());
        }
        let ran = hooks::run("poststart", hooks, &self.state());
        if ran.is_err() {
            let _ = self.end();
        }
        Ok(ran?)
    }

    /// Sends a signal to its first process.
    ///
    /// # Errors
    /// [`ContainersError::Status`], [`ContainersError::Signal`].
    pub fn kill(&self, signal: i32) -> Result<(), ContainersError> {
        let not_running = || ContainersError::Status("container not running");
        let init = self.record.init.ok_or_else(not_running)?;
        let pidfd = init.open().map_err(|_| not_running())?;
        let failed = |errno| ContainersError::Signal { pid: init.pid, signal, errno };
        sys::pidfd_send_signal(pidfd.as_fd(), signal).map_err(failed)?;
        if signal == Signal::SIGKILL as i32 {
            // On v1, who stands still does not even die.
            self.cgroup()?.thaw()?;
        }
        Ok(())
    }

    /// Sends a signal to all that is in its group, whether or not its first process lives.
    ///
    /// # Errors
    /// [`ContainersError::Cgroup`].
    pub fn kill_all(&self, signal: i32) -> Result<(), ContainersError> {
        let group = self.cgroup()?;
        if signal == Signal::SIGKILL as i32 {
            return Ok(group.kill()?);
        }
        for pid in group.procs()? {
            // One that has ended meanwhile needs no signal.
            if let Ok(process) = Identity::of(pid).and_then(|process| process.open()) {
                let _ = sys::pidfd_send_signal(process.as_fd(), signal);
            }
        }
        Ok(())
    }

    /// Stops all of it, or lets it go on.
    ///
    /// # Errors
    /// [`ContainersError::Status`], [`ContainersError::Cgroup`].
    pub fn set_paused(&self, paused: bool) -> Result<(), ContainersError> {
        match (paused, self.status()) {
            (true, Status::Created | Status::Running) => Ok(self.cgroup()?.freeze()?),
            (true, _) => Err(ContainersError::Status("container not running")),
            (false, Status::Paused) => Ok(self.cgroup()?.thaw()?),
            (false, _) => Err(ContainersError::Status("container not paused")),
        }
    }

    /// Changes its limits, as far as they are given.
    ///
    /// # Errors
    /// [`ContainersError::Status`], [`ContainersError::Cgroup`].
    pub fn update(&self, limits: &Limits) -> Result<(), ContainersError> {
        if self.status() == Status::Stopped {
            return Err(ContainersError::Status("container not running"));
        }
        Ok(self.cgroup()?.update(limits)?)
    }

    /// Its processes, as we count.
    ///
    /// # Errors
    /// [`ContainersError::Cgroup`].
    pub fn procs(&self) -> Result<Vec<Pid>, ContainersError> {
        Ok(self.cgroup()?.procs()?)
    }

    /// Removes what has ended, or never ran; with `force`, ends it first.
    ///
    /// # Errors
    /// [`ContainersError::NotStopped`], or whatever could not be removed; it can be tried again.
    pub fn delete(self, force: bool) -> Result<(), ContainersError> {
        let status = self.status();
        if !force && !matches!(status, Status::Stopped | Status::Created | Status::Creating) {
            return Err(ContainersError::NotStopped { id: self.record.id, status });
        }
        self.end()?;
        if let Ok(group) = self.cgroup() {
            group.remove()?;
        }
        let stopped = State { status: Status::Stopped, pid: 0, ..self.state() };
        for hook in &self.record.spec.hooks.poststop {
            // The specification wants a warning and no failure: everything else is done.
            if let Err(error) = hooks::run("poststop", std::slice::from_ref(hook), &stopped) {
                step!(12, "warning: {error}");
            }
        }
        fs::remove_dir_all(&self.directory).map_err(failed("remove", &self.directory))
    }

    /// Killed, thawed for that where it has to be, and waited for: a process that still dies in its group would keep that
    /// from being removed.
    // ANCHOR: end
    fn end(&self) -> Result<(), ContainersError> {
        let init = self.record.init.and_then(|init| Some((init.pid, init.open().ok()?)));
        // ANCHOR: ex_delete
        if let Some((_, pidfd)) = &init {
            let _ = sys::pidfd_send_signal(pidfd.as_fd(), Signal::SIGKILL as i32);
        }
        if let Ok(group) = self.cgroup() {
            group.kill()?;
        }
        init.map_or(Ok(()), wait_for_end)
        // ANCHOR_END: ex_delete
    }
    // ANCHOR_END: end
}

/// Returns when the process has ended.
fn wait_for_end((pid, pidfd): (i32, OwnedFd)) -> Result<(), ContainersError> {
    let mut interest = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    match poll(&mut interest, PollTimeout::from(PATIENCE)) {
        Ok(0) => Err(ContainersError::DoesNotEnd(pid)),
        _ => Ok(()),
    }
}
