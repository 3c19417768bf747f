//! What `ps` lists: which containers, in which order, and what is to be said of each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use layers::Upper;
use process::Failure;

use crate::engine::Engine;
use crate::filters::{FilterError, Filters};
use crate::health::HealthStatus;
use crate::moment::seconds_between;
use crate::saved::{Container, Saved, Status};
use crate::units::human_duration;

/// Which containers.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Those that have ended, too.
    pub all: bool,
    /// Only so many of the youngest, whatever their state.
    pub last: Option<usize>,
    /// Find out how much they have written.
    pub sizes: bool,
    /// Only those that these let through.
    pub filters: Filters,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The container.
    pub container: Container,
    /// Its image: the name by which it was asked for, while that is the name of the same image; else the id.
    pub image: String,
    /// How much there is, if it was asked for.
    pub size: Option<Size>,
}

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// What the container has written.
    pub written: u64,
    /// All that is in it.
    pub whole: u64,
}

impl Listed {
    /// Program and arguments in a line; an argument with blanks stands in quotes.
    pub fn command(&self) -> String {
        let word = |(index, word): (usize, &runtime::Text)| {
            let word = word.to_string();
            if index > 0 && word.contains(' ') { format!("'{word}'") } else { word }
        };
        self.container.saved.record.args.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    }

    /// "Up 3 seconds", "Exited (0) 2 minutes ago".
    pub fn status(&self, now: Timestamp) -> String {
        let state = &self.container.state;
        let since = |moment: Option<Timestamp>| human_duration(moment.map_or(0, |moment| seconds_between(moment, now)));
        match state.status {
            Status::Created => "Created".into(),
            Status::Running => match state.health.as_ref().map(|health| health.status) {
                None => format!("Up {}", since(state.started)),
                Some(HealthStatus::Starting) => format!("Up {} (health: starting)", since(state.started)),
                Some(health) => format!("Up {} ({})", since(state.started), health.name()),
            },
            Status::Paused => format!("Up {} (Paused)", since(state.started)),
            Status::Restarting => format!("Restarting ({}) {} ago", state.exit_code, since(state.finished)),
            Status::Exited => format!("Exited ({}) {} ago", state.exit_code, since(state.finished)),
        }
    }

    /// The networks that it is in.
    pub fn networks(&self) -> Vec<&str> {
        self.container.saved.record.network.network().into_iter().collect()
    }
}

/// What `ps` can be asked for.
const KNOWN: [&str; 15] = [
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    // For Windows; docker takes it anywhere.
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];
const STATES: [&str; 7] = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const HEALTH: [&str; 4] = ["none", "starting", "healthy", "unhealthy"];

impl Engine {
    /// The containers that are asked for, the youngest first.
    ///
    /// # Errors
    /// [`Failure`]: filters that there are not, or that name what there is not.
    pub fn list(&self, listing: &Listing) -> Result<Vec<Listed>, Failure> {
        let choice = Choice::new(self, listing)?;
        let mut images = BTreeMap::new();
        let mut list = Vec::new();
        let containers = if choice.all { self.store().list()? } else { self.store().list_alive()? };
        for container in containers.into_iter().filter(|container| choice.takes(container)) {
            if listing.last.is_some_and(|most| list.len() == most) {
                break;
            }
            let name = container.saved.create.config.image.clone();
            let id = images.entry(name.clone()).or_insert_with(|| self.images_store().find(&name).ok().map(|i| i.id));
            let is_same = id.as_ref() == Some(&container.saved.record.image);
            let image = if is_same { name } else { container.saved.record.image.clone() };
            let size = if listing.sizes { Some(self.size(&container)?) } else { None };
            list.push(Listed { container, image, size });
        }
        Ok(list)
    }

    /// How much there is in a container.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn size(&self, container: &Container) -> Result<Size, Failure> {
        let upper = Upper::at(&self.store().home(&container.saved.id)).upper;
        let written = if upper.is_dir() { layers::usage(&upper)? } else { 0 };
        let below = container
            .saved
            .layers
            .iter()
            .map(|id| -> Result<u64, Failure> { Ok(self.layers().get(&id.parse::<layers::DiffId>()?)?.size) });
        Ok(Size { written, whole: written + below.sum::<Result<u64, Failure>>()? })
    }
}

impl Engine {
    /// Bytes of a container's log, with the older files that are kept.
    pub(crate) fn log_size(&self, saved: &Saved) -> u64 {
        let files = saved.record.log.all_files(&self.store().home(&saved.id), &saved.id);
        files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum()
    }
}

/// The filters, with everything in them looked up.
struct Choice<'a> {
    filters: &'a Filters,
    /// Those that do not run, too.
    all: bool,
    ids: Vec<String>,
    exited: Vec<i64>,
    /// Images that an ancestor may be.
    images: Vec<String>,
    older_than: Option<Timestamp>,
    younger_than: Option<Timestamp>,
    /// There is no such thing yet, and so nothing has it.
    nothing: bool,
}

impl<'a> Choice<'a> {
    fn new(engine: &Engine, listing: &'a Listing) -> Result<Self, Failure> {
        let filters = &listing.filters;
        filters.check(&KNOWN)?;
        filters.check_values("status", "state", &STATES)?;
        filters.check_values("health", "health", &HEALTH)?;
        for name in ["publish", "expose"] {
            filters.values(name).try_for_each(|value| check_port(name, value))?;
        }
        let found =
            |name: &'static str| filters.values(name).map(|value| engine.find(value)).collect::<Result<Vec<_>, _>>();
        let created = |containers: Vec<Container>| containers.into_iter().map(|container| container.saved.created);
        let task = filters.switch("is-task")?.unwrap_or(false);
        Ok(Self {
            filters,
            all: listing.all || listing.last.is_some() || filters.has("status"),
            ids: filters.values("id").filter_map(|id| engine.find(id).ok()).map(|found| found.saved.id).collect(),
            exited: filters.numbers("exited")?,
            images: filters
                .values("ancestor")
                .filter_map(|name| engine.images_store().find(name).ok())
                .map(|i| i.id)
                .collect(),
            older_than: created(found("before")?).max(),
            younger_than: created(found("since")?).min(),
            nothing: task || ["volume", "publish", "expose"].iter().any(|name| filters.has(name)),
        })
    }

    fn takes(&self, container: &Container) -> bool {
        let Container { saved, state } = container;
        let filters = self.filters;
        let network = saved.record.network.network().unwrap_or_default();
        !self.nothing
            && (self.all || state.status.is_alive())
            && (!filters.has("id") || self.ids.contains(&saved.id))
            && (filters.matches("name", &saved.name) || filters.matches("name", &format!("/{}", saved.name)))
            && filters.is_exactly("status", state.status.name())
            && (!filters.has("exited")
                || (state.status == Status::Exited && self.exited.contains(&i64::from(state.exit_code))))
            && (!filters.has("ancestor") || self.images.contains(&saved.record.image))
            && self.older_than.is_none_or(|moment| saved.created < moment)
            && self.younger_than.is_none_or(|moment| saved.created > moment)
            && filters.is_exactly("health", state.health.as_ref().map_or("none", |health| health.status.name()))
            && filters.is_exactly("network", network)
            && filters.matches_labels("label", &saved.record.labels)
    }
}

/// `80`, `80-90`, with `/tcp` behind or without.
fn check_port(filter: &'static str, value: &str) -> Result<(), FilterError> {
    let ports = value.split('/').next().unwrap_or_default();
    match ports.split('-').find(|port| port.parse::<u16>().is_err()) {
        Some(port) => Err(FilterError::Port { filter, value: value.into(), port: port.into() }),
        None => Ok(()),
    }
}
