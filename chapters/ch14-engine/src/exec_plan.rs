//! What `exec` runs, made of what is wished for and of what the container's first process has.

use std::path::PathBuf;

use namespaces::IdRange;
use process::{Diagnose, Failure, FailureKind, Identity};
use runtime::environment::Environment;
use runtime::spec::{Capabilities, CapabilitySets, ConsoleSize, Process, Spec, User};
use runtime::{Exec, Stdio, Text, user};
use thiserror::Error;

use crate::compose::{self, Facts};
use crate::devices::Found;
use crate::engine::Engine;
use crate::ids::new_id;
use crate::record::ContainerRecord;
use crate::saved::{Saved, State};
use crate::{launch, users};

/// What is to be run.
#[derive(Debug, Clone, Default)]
pub struct ExecWish {
    /// Program and arguments.
    pub args: Vec<Text>,
    /// Variables, besides the container's own.
    pub env: Vec<Text>,
    /// `user[:group]`; the container's if empty.
    pub user: String,
    /// Working directory; the container's if empty.
    pub cwd: String,
    /// Give it a terminal.
    pub terminal: bool,
    /// Somebody types.
    pub interactive: bool,
    /// All capabilities.
    pub privileged: bool,
}

/// What is wrong with it, or with the container.
#[derive(Debug, Error)]
pub(crate) enum ExecWishError {
    #[error("container {0} is not running")]
    NotRunning(String),
    #[error("Container {0} is paused, unpause the container before exec")]
    Paused(String),
    #[error("Container {0} is restarting, wait until the container is running")]
    Restarting(String),
    #[error("no exec command specified")]
    NoCommand,
    #[error("the input device is not a TTY")]
    NoTty,
    #[error("Invalid escape keys ({0}) provided")]
    Keys(String),
    #[error("Cwd must be an absolute path")]
    RelativeDirectory,
}

impl Diagnose for ExecWishError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotRunning(_) | Self::Paused(_) | Self::Restarting(_) => FailureKind::Conflict,
            Self::NoCommand | Self::RelativeDirectory | Self::Keys(_) => FailureKind::Invalid,
            Self::NoTty => FailureKind::Caller,
        })
    }
}

/// The container's first process. Its number may be another's by now; that one has another start.
pub(crate) fn identity(state: &State) -> Identity {
    Identity { pid: state.pid, start_time: state.start_time }
}

/// All that an [`Exec`] refers to.
pub(crate) struct Planned {
    /// Its own.
    pub(crate) id: String,
    init: Identity,
    spec: Spec,
    cgroup: PathBuf,
    process: Process,
    cache: PathBuf,
    watched: bool,
}

impl Planned {
    /// For a container that runs.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn new(
        engine: &Engine,
        saved: &Saved,
        state: &State,
        wish: &ExecWish,
        console: Option<ConsoleSize>,
    ) -> Result<Self, Failure> {
        if wish.args.is_empty() {
            return Err(ExecWishError::NoCommand.into());
        }
        if !wish.cwd.is_empty() && !wish.cwd.starts_with('/') {
            return Err(ExecWishError::RelativeDirectory.into());
        }
        let init = identity(state);
        let root = runtime::root_of(init)?;
        let who = if wish.user.is_empty() { &saved.record.user } else { &wish.user };
        let resolved = user::resolve(who, &saved.record.groups, &root)?;
        let record = engine.named_record(saved);
        let spec = spec_of(&saved.id, &record, (!saved.record.users.is_host()).then(users::ids));
        let process = process_of(&saved.record, spec.process.as_ref(), wish, console, resolved);
        let cache = engine.root().directory("seccomp")?;
        if wish.privileged {
            engine.note_tracer(saved)?;
        }
        let watched = engine.is_watched(saved);
        Ok(Self { cgroup: saved.record.group(&saved.id), id: new_id()?, init, spec, process, cache, watched })
    }

    /// The process, not started.
    pub(crate) fn exec(&self, stdio: Stdio) -> Exec<'_> {
        Exec {
            preserved: 0,
            state: None,
            init: self.init,
            spec: &self.spec,
            cgroup: &self.cgroup,
            process: &self.process,
            stdio,
            cache: Some(self.cache.clone()),
            attached: true,
            part: Some(&self.id[..16]),
            watched: self.watched,
        }
    }
}

/// The container's specification, as far as it holds for every process of it: nothing is mounted again.
fn spec_of(id: &str, record: &ContainerRecord, ids: Option<IdRange>) -> Spec {
    let host_name = launch::host_name();
    let facts = Facts {
        id,
        host_name: &host_name,
        files: Vec::new(),
        init: None,
        user: user::Resolved { user: User::default(), home: "/".into() },
        devices: Found::default(),
        ids,
        joined: Vec::new(),
        console: None,
    };
    compose::compose(record, facts)
}

/// The container's first process, with what is wished for in place of its own.
fn process_of(
    record: &ContainerRecord,
    first: Option<&Process>,
    wish: &ExecWish,
    console: Option<ConsoleSize>,
    resolved: user::Resolved,
) -> Process {
    let first = first.cloned().unwrap_or_default();
    let mut environment = Environment::default();
    // The first process' home is not this one's user's.
    let inherited = first.env.into_iter().filter(|entry| entry.name() != b"HOME" || record.env.contains(entry));
    inherited
        .filter(|entry| entry.name() != b"TERM" || wish.terminal || record.env.contains(entry))
        .for_each(|entry| environment.set(entry));
    if wish.terminal {
        environment.set_default("TERM=xterm".to_owned().into());
    }
    wish.env.iter().for_each(|entry| environment.set(entry.clone()));
    environment.set_default(format!("HOME={}", resolved.home).into());
    let all = Capabilities::all();
    Process {
        terminal: wish.terminal,
        console_size: console,
        args: wish.args.clone(),
        env: environment.into_entries(),
        cwd: if wish.cwd.is_empty() { record.cwd.clone() } else { wish.cwd.clone().into() },
        user: User { umask: first.user.umask, ..resolved.user },
        capabilities: if wish.privileged { Some(CapabilitySets::docker(all)) } else { first.capabilities },
        ..first
    }
}
