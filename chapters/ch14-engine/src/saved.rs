//! What is kept of a container: what it is (written once, before anything else of it exists), and how it is.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use layers::read_json;
use serde::{Deserialize, Serialize};

use crate::create::Create;
use crate::events::Event;
use crate::health::Health;
use crate::record::ContainerRecord;

/// The file of a container's directory that says what it is.
pub(crate) const RECORD: &str = "record.json";

/// What a container is: `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// 64 digits.
    pub id: String,
    /// Its name; unique.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it outlives a boot: what `run --rm` makes does not.
    pub lasting: bool,
    /// Its layers' diff ids, lowest first.
    pub layers: Vec<String>,
    /// The wish, for `inspect` and `commit`.
    pub create: Create,
    /// What came of the wish and the image.
    pub record: ContainerRecord,
}

impl Saved {
    /// The digits that people see.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    /// What has happened to it, at this moment.
    pub(crate) fn event(&self, action: &str) -> Event {
        Event::container(action, &self.id, &self.name, &self.create.config.image, &self.record.labels)
    }

    /// The end of a life of it, that ended as `state` says.
    pub(crate) fn event_of_end(&self, state: &State) -> Event {
        let end = state.finished.unwrap_or_else(Timestamp::now);
        let lived = state.started.map_or(0, |started| end.duration_since(started).as_secs());
        self.event("die").with("exitCode", state.exit_code).with("execDuration", lived)
    }

    /// Whether it goes when it ends.
    pub fn is_temporary(&self) -> bool {
        self.create.host.auto_remove
    }
}

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Made, and never started.
    #[default]
    Created,
    /// Its program runs.
    Running,
    /// Its program is frozen.
    Paused,
    /// Between two lives.
    Restarting,
    /// Its program has ended.
    Exited,
}

impl Status {
    /// Docker's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
        }
    }

    /// Whether there is a process, or will be one.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// How a container is: `state.json`. While its shim lives, nobody else writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Where it is in its life.
    pub status: Status,
    /// Process id of its program, as the host counts; 0 if there is none.
    pub pid: i32,
    /// When that began, in clock ticks since the machine's boot: another process of that number began later.
    pub start_time: u64,
    /// The boot of the machine in which this was written: a process of another one is none.
    pub boot: String,
    /// How its program ended last.
    pub exit_code: u8,
    /// Why it did not start.
    pub error: String,
    /// Whether something in it was killed for want of memory.
    pub oom_killed: bool,
    /// When it started last.
    pub started: Option<Timestamp>,
    /// When it ended last.
    pub finished: Option<Timestamp>,
    /// How often it was started again by itself.
    pub restarts: u32,
    /// Whether somebody has ended it, so that it does not come back by itself.
    pub stopped_by_hand: bool,
    /// How well it is, if that is checked.
    pub health: Option<Health>,
}

/// What a program's end counts as that was lost with its shim: that of `SIGKILL`.
const LOST: u8 = 137;
/// What it counts as that was lost with the machine.
const LOST_WITH_THE_MACHINE: u8 = 255;

impl State {
    /// What became of a container whose shim is gone, seen in the boot `boot`.
    #[must_use]
    pub fn without_shim(self, boot: &str) -> Self {
        if !self.status.is_alive() {
            return self;
        }
        let exit_code = if self.boot == boot { LOST } else { LOST_WITH_THE_MACHINE };
        let health = self.health.clone().map(Health::unwatched);
        Self { status: Status::Exited, pid: 0, exit_code, finished: Some(Timestamp::now()), health, ..self }
    }
}

/// A container, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// What it is.
    pub saved: Saved,
    /// How it is.
    pub state: State,
}

/// The control group of the container whose directory is `home`; without a record, the one that it had if it had any.
pub(crate) fn group_of(home: &Path, id: &str) -> PathBuf {
    match read_json::<Saved>(&home.join(RECORD)) {
        Ok(Some(saved)) => saved.record.group(id),
        _ => runtime::cgroup_of(id),
    }
}
