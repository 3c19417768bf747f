//! What is asked of the events: `--since`, `--until` and `--filter`, with docker's meaning.

use jiff::Timestamp;
use layers::DiskError;
use process::{Diagnose, FailureKind, inner};
use std::io;
use thiserror::Error;

use super::event::{Event, EventKind};
use crate::filters::Filters;

/// Why events cannot be told.
#[derive(Debug, Error)]
pub enum EventError {
    /// A time without a moment in it.
    #[error("`since` time ({}.{:09}) cannot be after `until` time ({}.{:09})",
        since.as_second(), since.subsec_nanosecond(), until.as_second(), until.subsec_nanosecond())]
    Backwards {
        /// The first moment.
        since: Timestamp,
        /// The last moment.
        until: Timestamp,
    },
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Whoever listens does not.
    #[error("write the events: {0}")]
    Sink(io::Error),
}

impl Diagnose for EventError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        inner!(self, Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Backwards { .. } => Some(FailureKind::Invalid),
            Self::Sink(_) => Some(FailureKind::Caller),
            Self::Disk(_) => None,
        }
    }
}

/// Which events are wanted. Without either time only what comes, for ever; with one of them what was, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Nothing earlier.
    pub since: Option<Timestamp>,
    /// Nothing later, and no waiting beyond it.
    pub until: Option<Timestamp>,
    /// By docker's names; unknown ones mean nothing, as in docker.
    pub filters: Filters,
}

impl EventQuery {
    /// Whether `since` comes before `until`.
    pub(super) fn check(&self) -> Result<(), EventError> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since > until => Err(EventError::Backwards { since, until }),
            _ => Ok(()),
        }
    }

    /// Whether what has already happened is wanted, too.
    pub(super) fn wants_history(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Whether it is wanted.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let filters = &self.filters;
        let moment = event.moment();
        self.since.is_none_or(|since| moment >= since)
            && filters.is_exactly("type", event.kind.name())
            && filters.is_exactly("scope", &event.scope)
            && self.wants_action(&event.action)
            && filters.matches_labels("label", &event.actor.attributes)
            && ["container", "volume", "network", "daemon", "plugin", "service", "node", "secret", "config"]
                .into_iter()
                .all(|name| self.wants_actor(name, event))
            && self.wants_image(event)
    }

    /// `exec_create: COMMAND` is found by the part before the colon, too, as are the others that have one.
    fn wants_action(&self, action: &str) -> bool {
        let kind = action.split_once(": ").map_or(action, |(kind, _)| kind);
        self.filters.is_exactly("event", action) || self.filters.is_exactly("event", kind)
    }

    /// By the beginning of an id or a name, whatever it is the id or name of.
    fn wants_actor(&self, filter: &str, event: &Event) -> bool {
        let name = event.actor.attributes.get("name").map(String::as_str).unwrap_or_default();
        let begins = |value: &str| event.actor.id.starts_with(value) || name.starts_with(value);
        !self.filters.has(filter) || self.filters.values(filter).any(begins)
    }

    /// By id or name, with its tag or without.
    fn wants_image(&self, event: &Event) -> bool {
        let attribute = if event.kind == EventKind::Image { "name" } else { "image" };
        let name = event.actor.attributes.get(attribute).map(String::as_str).unwrap_or_default();
        [&event.actor.id, name].into_iter().any(|image| {
            self.filters.is_exactly("image", image) || self.filters.is_exactly("image", without_tag(image))
        })
    }
}

fn without_tag(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        // What has a slash in it is no tag: a port stood before.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}
