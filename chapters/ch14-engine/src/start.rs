//! `create`, `start`, `run`: a container is made, and a shim for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cgroups::{Cgroup, Layout};
use jiff::Timestamp;
use layers::{DiskError, Held, Lock};
use process::signals::Forwarded;
use process::{Diagnose, ExitStatus, Failure, FailureKind, Spawn, step};
use runtime::spec::ConsoleSize;
use thiserror::Error;

use crate::attach::{self, Foreground, Streams};
use crate::create::Create;
use crate::engine::Engine;
use crate::ids::new_id;
use crate::saved::{Container, Saved, State, Status};
use crate::shim::{self, Seat};
use crate::state::StateError;

/// The group of all shims: not that of whoever starts a container, whose limits and whose end are not theirs.
const SHIMS: &str = "/mini-docker/shims";

/// What is wrong with a wish, apart from what its parts say.
#[derive(Debug, Error)]
enum StartError {
    /// A terminal was asked for, and there is none.
    #[error("the input device is not a TTY")]
    NoTty,
    /// `--cidfile` must not overwrite.
    #[error("container ID file found, make sure the other container isn't running or delete {0}")]
    CidFile(PathBuf),
    /// It stands still.
    #[error("cannot start a paused container, try unpause instead")]
    Paused,
}

impl Diagnose for StartError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NoTty => FailureKind::Caller,
            Self::CidFile(_) | Self::Paused => FailureKind::Conflict,
        })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoTty)
            .then(|| "-t needs a terminal on standard input; leave it out in pipes and scripts".into())
    }
}

impl Engine {
    /// Makes a container. Nothing of it runs.
    ///
    /// # Errors
    /// [`Failure`]; then there is none.
    pub fn create(&self, create: &Create) -> Result<Saved, Failure> {
        let (saved, life) = self.make(create, true)?;
        self.store().end_life(life)?;
        Ok(saved)
    }

    fn make(&self, create: &Create, lasting: bool) -> Result<(Saved, Held), Failure> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let image = self.images_store().find(&create.config.image)?;
        let create = self.with_ids(create)?;
        let record = create.resolve(&image, processors)?;
        let mut saved = Saved {
            id: new_id()?,
            name: create.name.clone(),
            created: Timestamp::now(),
            lasting,
            layers: image.config.rootfs.diff_ids.clone(),
            create: create.into_owned(),
            record,
        };
        let id_file = saved.record.id_file.clone();
        if let Some(path) = id_file.as_deref().filter(|path| path.exists()) {
            return Err(StartError::CidFile(path.into()).into());
        }
        let life = self.store().make(&mut saved)?;
        // From here on nobody removes what its record names; up to here somebody may have.
        if let Err(gone) = self.images_store().confirm(&image, self.layers()) {
            let _ = self.unmake(&saved, life);
            return Err(gone.into());
        }
        if let Some(Err(failure)) = id_file.map(|path| write_id(&path, &saved.id)) {
            // What happened is the news.
            let _ = self.unmake(&saved, life);
            return Err(failure);
        }
        self.tell(&saved, "create");
        Ok((saved, life))
    }

    fn unmake(&self, saved: &Saved, life: Held) -> Result<(), DiskError> {
        if let Some(_lock) = self.store().lock(&saved.id)? {
            let left = self.store().forget(saved)?;
            layers::remove_all(&left).map_err(DiskError::at("remove", &left))?;
        }
        self.store().end_life(life)
    }

    /// Makes a container and runs it in the background. Its id, and whether it has started: one that has not is there, too.
    ///
    /// # Errors
    /// [`Failure`], with docker's exit code; then there is none.
    pub fn run_detached(&self, create: &Create) -> Result<(String, Result<(), Failure>), Failure> {
        let (saved, life) = self.make(create, !create.host.auto_remove)?;
        let id = saved.id.clone();
        Ok((id, self.fork_shim(saved, State::default(), life, None, None)))
    }

    /// Makes a container and runs it in the foreground, until it ends.
    ///
    /// # Errors
    /// [`Failure`], with docker's exit code.
    pub fn run(&self, create: &Create, foreground: &Foreground) -> Result<ExitStatus, Failure> {
        check_terminal(&create.config, foreground.streams)?;
        let (saved, life) = self.make(create, !create.host.auto_remove)?;
        self.start_in_foreground(saved, State::default(), life, foreground)
    }

    /// Starts a container that was made before, or has run before. One that runs already is left as it is.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn start(&self, name: &str) -> Result<(), Failure> {
        match self.claim(name)? {
            Some((Container { saved, state }, life)) => self.fork_shim(saved, state, life, None, None),
            None => Ok(()),
        }
    }

    /// The same after a boot, for one that is to run. If it cannot be started its shim tries again, as after any end of it.
    ///
    /// # Errors
    /// [`Failure`]; it is being tried again if it is [`Status::Restarting`].
    pub(crate) fn start_after_boot(&self, id: &str) -> Result<(), Failure> {
        let Some((Container { saved, state }, life)) = self.claim(id)? else { return Ok(()) };
        let boot = self.store().boot().to_owned();
        let state = State { status: Status::Restarting, stopped_by_hand: false, error: String::new(), boot, ..state };
        self.fork_shim(saved, state, life, None, None)?;
        match self.find(id)?.state {
            State { status: Status::Restarting, error, .. } if !error.is_empty() => {
                Err(Failure { hint: Some("it is tried again".into()), ..Failure::new(FailureKind::System, error) })
            }
            _ => Ok(()),
        }
    }

    /// The same in the foreground. One that runs already is attached to.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn start_attached(&self, name: &str, foreground: &Foreground) -> Result<ExitStatus, Failure> {
        let found = self.find(name)?;
        check_terminal(&found.saved.create.config, foreground.streams)?;
        match self.claim(name)? {
            Some((Container { saved, state }, life)) => self.start_in_foreground(saved, state, life, foreground),
            None => self.attach(name, foreground),
        }
    }

    /// The mark that we are alive for a container; `None` if it runs.
    fn claim(&self, name: &str) -> Result<Option<(Container, Held)>, Failure> {
        loop {
            let id = self.find(name)?.saved.id;
            let Some(lock) = self.store().lock(&id)? else { continue };
            // It may have changed before we had the lock.
            let container = self.store().load(&id)?.ok_or_else(|| StateError::NotFound(name.into()))?;
            match container.state.status {
                Status::Paused => return Err(StartError::Paused.into()),
                Status::Running | Status::Restarting => return Ok(None),
                Status::Created | Status::Exited => {}
            }
            if let Some(life) = self.store().claim_life(&id)? {
                return Ok(Some((container, life)));
            }
            // It has just ended, and is being cleared up after.
            drop(lock);
            self.store().wait_for_end_of_life(&id)?;
        }
    }

    fn start_in_foreground(
        &self,
        saved: Saved,
        state: State,
        life: Held,
        foreground: &Foreground,
    ) -> Result<ExitStatus, Failure> {
        // Before there is anything that could get them: a signal that comes in between then waits.
        let signals = Forwarded::block(foreground.proxy).map_err(attach::AttachError::Signals)?;
        let terminal = saved.record.terminal;
        let (mine, seat) = attach::seat(foreground.streams, terminal)?;
        let console = if terminal { attach::console_size() } else { None };
        self.tell(&saved, "attach");
        self.fork_shim(saved, state, life, Some(seat), console)?;
        attach::attend(mine, terminal, foreground, &signals)
    }

    /// Makes the copy that goes on without us, and returns when the container runs.
    fn fork_shim(
        &self,
        saved: Saved,
        state: State,
        life: Held,
        seat: Option<Seat>,
        console: Option<ConsoleSize>,
    ) -> Result<(), Failure> {
        Lock::assert_none();
        let group = Cgroup::shared(&Layout::detect()?, Path::new(SHIMS))?;
        let pending = group.start(Spawn::new(), |gate| shim::run(self, (saved, state), life, seat, console, gate))?;
        step!(14, "the shim is process {}", pending.pid());
        // It stays what it is, and tells its own steps.
        process::untold(|| pending.release())?.leave();
        Ok(())
    }
}

/// As docker's client: who types into a terminal must sit at one.
pub(crate) fn check_terminal(config: &crate::create::Config, streams: Streams) -> Result<(), Failure> {
    if config.tty && streams.stdin && !io::IsTerminal::is_terminal(&io::stdin()) {
        return Err(StartError::NoTty.into());
    }
    Ok(())
}

fn write_id(path: &Path, id: &str) -> Result<(), Failure> {
    match File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => Ok(file.write_all(id.as_bytes()).map_err(DiskError::at("write", path))?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(StartError::CidFile(path.into()).into()),
        Err(error) => Err(DiskError::at("create", path)(error).into()),
    }
}
