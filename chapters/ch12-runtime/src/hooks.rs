//! Running hooks: one after the other, with the container's state on standard input.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use process::{Diagnose, FailureKind, step};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use thiserror::Error;

use crate::spec::Hook;
use crate::state::State;

/// More of what a hook says is not repeated.
const LONGEST: u64 = 4096;

/// Why a hook failed, and with it what it was to be part of.
#[derive(Debug, Error)]
pub enum HookError {
    /// Relative to what?
    #[error("the {kind} hook {path:?} is not an absolute path")]
    Relative {
        /// When it was to run.
        kind: &'static str,
        /// Which.
        path: PathBuf,
    },
    /// It could not be started, or waited for.
    #[error("run the {kind} hook {path:?}: {source}")]
    Run {
        /// When it was to run.
        kind: &'static str,
        /// Which.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It said so.
    #[error("error running {kind} hook {path:?}: {status}{said}")]
    Failed {
        /// When it ran.
        kind: &'static str,
        /// Which.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        said: String,
    },
    /// It did not end.
    #[error("{kind} hook {path:?} ran past the specified timeout of {seconds} s")]
    Timeout {
        /// When it ran.
        kind: &'static str,
        /// Which.
        path: PathBuf,
        /// The limit.
        seconds: u32,
    },
}

impl Diagnose for HookError {
    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Relative { .. }).then_some(FailureKind::Invalid)
    }
}

/// Runs them; the first that fails ends it.
///
/// # Errors
/// [`HookError`].
pub fn run(kind: &'static str, hooks: &[Hook], state: &State) -> Result<(), HookError> {
    hooks.iter().try_for_each(|hook| {
        run_one(kind, hook, state)?;
        step!(12, "{kind} hook {} has run", hook.path.display());
        Ok(())
    })
}

fn run_one(kind: &'static str, hook: &Hook, state: &State) -> Result<(), HookError> {
    let path = hook.path.clone();
    if !path.is_absolute() {
        return Err(HookError::Relative { kind, path });
    }
    let failed = |source: io::Error| HookError::Run { kind, path: hook.path.clone(), source };
    // A file, not a pipe: whoever leaves somebody behind that holds it open would be waited for without end.
    let mut said = memory().map_err(failed)?;
    let mut command = Command::new(&path);
    if let Some((name, rest)) = hook.args.split_first() {
        command.arg0(name).args(rest);
    }
    let variables = hook.env.iter().filter(|entry| entry.has_value()).map(|entry| {
        let (name, bytes) = (entry.name(), entry.as_bytes());
        (std::ffi::OsStr::from_bytes(name), std::ffi::OsStr::from_bytes(&bytes[name.len() + 1..]))
    });
    command.env_clear().envs(variables).stdin(Stdio::piped());
    command.stdout(said.try_clone().map_err(failed)?).stderr(said.try_clone().map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook need not read it.
        let _ = stdin.write_all(&serde_json::to_vec(state).unwrap_or_default());
    }
    if let Some(seconds) = hook.timeout
        && !ends_within(&pidfd, Duration::from_secs(seconds.into())).map_err(|errno| failed(errno.into()))?
    {
        let _ = child.kill();
        let _ = child.wait();
        return Err(HookError::Timeout { kind, path, seconds });
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    let read = said.rewind().and_then(|()| said.take(LONGEST).read_to_string(&mut text));
    let said = if read.is_ok() && !text.trim().is_empty() { format!(": {}", text.trim()) } else { String::new() };
    Err(HookError::Failed { kind, path, status, said })
}

fn ends_within(pidfd: impl AsFd, limit: Duration) -> Result<bool, Errno> {
    let until = Instant::now() + limit;
    loop {
        let left = PollTimeout::try_from(until.saturating_duration_since(Instant::now())).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], left) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn memory() -> io::Result<File> {
    Ok(memfd_create(c"hook", MemfdFlags::CLOEXEC)?.into())
}
