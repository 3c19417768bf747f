//! What can be done to a container that exists: `stop`, `kill`, `wait`, `rm` and their kin.

use std::fmt;
use std::time::Duration;

use layers::{DiskError, Lock, remove_all};
use nix::sys::signal::Signal;
use process::signals::Forwarded;
use process::{Diagnose, ExitStatus, Failure, FailureKind};
use thiserror::Error;

use crate::attach::{self, Foreground, Streams};
use crate::control::{self, Control, ControlError};
use crate::engine::Engine;
use crate::saved::{Container, Status};
use crate::signal;
use crate::start::check_terminal;
use crate::state::StateError;
use crate::wire::Request;

/// What `stop` waits before it kills.
const STOP_TIMEOUT: i64 = 10;
/// How long a killed container may take to be gone: its shim clears up.
const END: Duration = Duration::from_secs(10);

/// Why a container is left as it is.
#[derive(Debug, Error)]
enum LifeError {
    #[error("container {0} is not running")]
    NotRunning(String),
    #[error("Container {0} is already paused")]
    Paused(String),
    #[error("Container {0} is not paused")]
    NotPaused(String),
    #[error("Container {0} is restarting, wait until the container is running")]
    Restarting(String),
    #[error("cannot remove container {name:?}: container is {status}{cure}")]
    Alive { name: String, status: Status, cure: &'static str },
    #[error("Renaming a container with the same name as its current name")]
    SameName,
    #[error("You cannot attach to a stopped container, start it first")]
    AttachStopped,
    #[error("You cannot attach to a paused container, unpause it first")]
    AttachPaused,
    #[error("You cannot attach to a restarting container, wait until it is running")]
    AttachRestarting,
}

impl Diagnose for LifeError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Conflict)
    }
}

impl Engine {
    /// The container of this name, id, or beginning of an id.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn find(&self, name: &str) -> Result<Container, Failure> {
        Ok(self.store().find(name)?)
    }

    /// Every container, the youngest first.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn containers(&self) -> Result<Vec<Container>, Failure> {
        Ok(self.store().list()?)
    }

    /// Sends a signal (`SIGKILL` if it is empty) to the program of a container, which then does not come back by itself.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn kill(&self, name: &str, signal: &str) -> Result<(), Failure> {
        let kill = || {
            let container = self.find(name)?;
            let signal = signal::parse(signal)?.unwrap_or(Signal::SIGKILL as i32);
            self.kill_found(&container, signal)
        };
        kill().map_err(|failure: Failure| about(format_args!("cannot kill container: {name}"), failure))
    }

    fn kill_found(&self, container: &Container, signal: i32) -> Result<(), Failure> {
        let id = &container.saved.id;
        match Control::call(self.store(), id) {
            Ok(Some(control)) if container.state.status.is_alive() => {
                control.demand(Request::Kill { signal }).map(drop)
            }
            Err(ControlError::Stuck { .. }) if signal == Signal::SIGKILL as i32 => {
                control::end_stuck(self.store(), id);
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(_) => Err(LifeError::NotRunning(id.clone()).into()),
        }
    }

    /// Asks the program to end, by the container's signal or another, and ends it after `timeout` seconds (for a negative
    /// number, never). A container that does not run is as was wished for.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn stop(&self, name: &str, signal: &str, timeout: Option<i64>) -> Result<(), Failure> {
        let container = self.find(name)?;
        if !container.state.status.is_alive() {
            return Ok(());
        }
        let signal = signal::parse(signal);
        let signal = signal.map_err(|error| about(format_args!("cannot stop container: {name}"), error.into()))?;
        self.stop_found(&container, signal, timeout)
    }

    fn stop_found(&self, container: &Container, signal: Option<i32>, timeout: Option<i64>) -> Result<(), Failure> {
        let id = &container.saved.id;
        let Some(control) = Control::call(self.store(), id)? else { return Ok(()) };
        control.listen()?;
        let config = &container.saved.create.config;
        let signal =
            signal.or_else(|| signal::number(&container.saved.record.stop_signal)).unwrap_or(Signal::SIGTERM as i32);
        let seconds = timeout.or(config.stop_timeout).unwrap_or(STOP_TIMEOUT);
        // One that ends in this moment cannot hear it.
        let _ = control.demand(Request::Kill { signal });
        if container.state.status == Status::Paused {
            let _ = control.demand(Request::Unpause);
        }
        let patience = u64::try_from(seconds).ok().map(Duration::from_secs);
        let mut ended = self.ended(&control, patience)?;
        if !ended {
            let _ = control.demand(Request::Kill { signal: Signal::SIGKILL as i32 });
            ended = self.ended(&control, Some(END))?;
        }
        if ended {
            self.tell(&container.saved, "stop");
            return Ok(());
        }
        Err(Failure::new(FailureKind::System, format!("container {id} does not end although it was killed")))
    }

    /// A shim that is gone has taken its container along.
    fn ended(&self, control: &Control, patience: Option<Duration>) -> Result<bool, Failure> {
        match control.end(patience) {
            Ok(code) => Ok(code.is_some()),
            Err(ControlError::Gone(_)) => {
                self.store().reconcile()?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stops the container, and starts it again.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn restart(&self, name: &str, signal: &str, timeout: Option<i64>) -> Result<(), Failure> {
        let container = self.find(name)?;
        let restart = || {
            let signal = signal::parse(signal)?;
            if container.state.status.is_alive() {
                self.stop_found(&container, signal, timeout)?;
            }
            self.start(&container.saved.id)?;
            self.tell(&container.saved, "restart");
            Ok(())
        };
        restart().map_err(|failure: Failure| about(format_args!("Cannot restart container {name}"), failure))
    }

    /// Waits for the end, and returns the exit code. A container that does not run has ended already.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn wait(&self, name: &str) -> Result<u8, Failure> {
        let container = self.find(name)?;
        let id = &container.saved.id;
        if container.state.status.is_alive() {
            if let Some(control) = Control::call(self.store(), id)? {
                control.listen()?;
                match control.end(None) {
                    Ok(Some(code)) => return Ok(code),
                    Ok(None) | Err(ControlError::Gone(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // Its shim is being ended, or was: the kernel may still be about to take the mark back.
            self.store().wait_for_end_of_life(id)?;
        }
        // What is gone meanwhile ended with its shim.
        Ok(self.find(name).map_or(137, |container| container.state.exit_code))
    }

    /// Makes everything in the container stand still.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn pause(&self, name: &str) -> Result<(), Failure> {
        let container = self.find(name)?;
        let id = container.saved.id;
        match container.state.status {
            Status::Paused => Err(LifeError::Paused(id).into()),
            Status::Restarting => Err(LifeError::Restarting(id).into()),
            _ => self.demand(&id, Request::Pause),
        }
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn unpause(&self, name: &str) -> Result<(), Failure> {
        let container = self.find(name)?;
        match container.state.status {
            Status::Paused => self.demand(&container.saved.id, Request::Unpause),
            _ => Err(LifeError::NotPaused(container.saved.id).into()),
        }
    }

    fn demand(&self, id: &str, request: Request) -> Result<(), Failure> {
        let control = Control::call(self.store(), id)?.ok_or_else(|| LifeError::NotRunning(id.into()))?;
        control.demand(request).map(drop)
    }

    /// Is with a container that runs until it ends.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn attach(&self, name: &str, foreground: &Foreground) -> Result<ExitStatus, Failure> {
        let Container { saved, state } = self.find(name)?;
        match state.status {
            Status::Running => {}
            Status::Paused => return Err(LifeError::AttachPaused.into()),
            Status::Restarting => return Err(LifeError::AttachRestarting.into()),
            Status::Created | Status::Exited => return Err(LifeError::AttachStopped.into()),
        }
        check_terminal(&saved.create.config, foreground.streams)?;
        // Who may type into it may still find nobody who reads.
        let streams = Streams { stdin: foreground.streams.stdin && saved.record.interactive, ..foreground.streams };
        let signals = Forwarded::block(foreground.proxy).map_err(attach::AttachError::Signals)?;
        let control = Control::call(self.store(), &saved.id)?.ok_or(LifeError::AttachStopped)?;
        self.tell(&saved, "attach");
        let mine = attach::ask(control.into_line(), streams, saved.record.terminal)?;
        attach::attend(mine, saved.record.terminal, &Foreground { streams, ..foreground.clone() }, &signals)
    }

    /// Gives the container another name.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn rename(&self, name: &str, new: &str) -> Result<(), Failure> {
        let id = self.find(name)?.saved.id;
        let gone = || StateError::NotFound(name.into());
        let lock = self.store().lock(&id)?.ok_or_else(gone)?;
        let mut saved = self.store().load(&id)?.ok_or_else(gone)?.saved;
        let new = new.strip_prefix('/').unwrap_or(new);
        if saved.name == new {
            return Err(LifeError::SameName.into());
        }
        let old = saved.name.clone();
        let renamed = self.store().rename(&mut saved, new);
        renamed.map_err(|error| about(format_args!("Error when allocating new name"), error.into()))?;
        // A shim that ends in this moment may want it.
        drop(lock);
        self.tell_with(&saved, "rename", "oldName", format_args!("/{old}"));
        if let Some(control) = Control::call(self.store(), &id)? {
            control.demand(Request::Reload)?;
        }
        Ok(())
    }

    /// Removes the container. One that lives is ended first, with `force`.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn remove(&self, name: &str, force: bool) -> Result<(), Failure> {
        let id = self.find(name)?.saved.id;
        loop {
            // Somebody else may have removed it meanwhile: it is gone, as was wished for.
            let Some(lock) = self.store().lock(&id)? else { return Ok(()) };
            let Some(Container { saved, state }) = self.store().load(&id)? else { return Ok(()) };
            if state.status.is_alive() {
                if !force {
                    return Err(alive(&saved.name, state.status).into());
                }
                drop(lock);
                self.end_now(&id)?;
            } else if self.store().life(&id).exists() {
                drop(lock);
                self.store().wait_for_end_of_life(&id)?;
            } else {
                return self.remove_locked(&saved, &lock);
            }
        }
    }

    fn remove_locked(&self, saved: &crate::saved::Saved, _lock: &Lock) -> Result<(), Failure> {
        let left = self.store().forget(saved)?;
        self.tell(saved, "destroy");
        Ok(remove_all(&left).map_err(DiskError::at("remove", &left))?)
    }

    /// Ends what lives, whatever it does: the program, and a shim that does not answer with it.
    fn end_now(&self, id: &str) -> Result<(), Failure> {
        match Control::call(self.store(), id) {
            Ok(Some(control)) => {
                control.listen()?;
                let kill = Request::Kill { signal: Signal::SIGKILL as i32 };
                let _ = control.demand(if control.protocol() < 2 { kill } else { Request::Remove });
                if !self.ended(&control, Some(END))? {
                    control::end_stuck(self.store(), id);
                } else if !self.store().home(id).exists() {
                    // Its shim has removed it, and does not keep us until the disk has been waited for.
                    return Ok(());
                }
            }
            Err(ControlError::Stuck { .. }) => control::end_stuck(self.store(), id),
            Ok(None) => {}
            Err(error) => return Err(error.into()),
        }
        self.store().wait_for_end_of_life(id)?;
        Ok(self.store().reconcile()?)
    }
}

/// The same failure, with what it is about in front.
fn about(what: fmt::Arguments<'_>, failure: Failure) -> Failure {
    Failure { message: format!("{what}: {}", failure.message), ..failure }
}

fn alive(name: &str, status: Status) -> LifeError {
    let cure = match status {
        Status::Paused => " and must be unpaused first",
        _ => ": stop the container before removing or force remove",
    };
    LifeError::Alive { name: name.into(), status, cure }
}
