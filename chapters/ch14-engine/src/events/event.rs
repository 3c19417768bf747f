//! One event, in docker's JSON and in docker's words.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A build's cache.
    Builder,
    /// A container.
    Container,
    /// The engine.
    Daemon,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl EventKind {
    /// Docker's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::Container => "container",
            Self::Daemon => "daemon",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// Whom an event is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Actor {
    /// An id, or a volume's name.
    #[serde(rename = "ID")]
    pub id: String,
    /// What else is known, the labels included.
    pub attributes: BTreeMap<String, String>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The action again, of containers and images: older clients know nothing else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The id again, likewise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The image's name, of containers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// What it is about.
    #[serde(rename = "Type")]
    pub kind: EventKind,
    /// What has happened.
    #[serde(rename = "Action")]
    pub action: String,
    /// To whom.
    #[serde(rename = "Actor")]
    pub actor: Actor,
    /// Always `local`: there is no swarm.
    pub scope: String,
    /// When, in seconds since 1970.
    pub time: i64,
    /// When, in nanoseconds since 1970.
    #[serde(rename = "timeNano")]
    pub time_nano: i64,
}

impl Event {
    /// Something that happens now to whoever has this id.
    pub fn new(kind: EventKind, action: impl Into<String>, id: impl Into<String>) -> Self {
        let (now, action, id) = (Timestamp::now(), action.into(), id.into());
        let old_clients_know = matches!(kind, EventKind::Container | EventKind::Image);
        Self {
            status: if old_clients_know { action.clone() } else { String::new() },
            id: if old_clients_know { id.clone() } else { String::new() },
            from: String::new(),
            kind,
            action,
            actor: Actor { id, attributes: BTreeMap::new() },
            scope: "local".into(),
            time: now.as_second(),
            // Until the year 2262.
            time_nano: i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX),
        }
    }

    /// Something that happens now to a container.
    pub fn container(
        action: impl Into<String>,
        id: &str,
        name: &str,
        image: &str,
        labels: &BTreeMap<String, String>,
    ) -> Self {
        let mut event = Self::new(EventKind::Container, action, id);
        event.from = image.into();
        event.actor.attributes.clone_from(labels);
        event.with("image", image).with("name", name)
    }

    /// With another attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.actor.attributes.insert(name.into(), value.to_string());
        self
    }

    /// At another time than now.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = time.as_second();
        self.time_nano = i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
        self
    }

    /// When it was.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.time_nano.into()).unwrap_or_default()
    }

    /// As docker's client prints it, with the time of a time zone: `2026-11-27T00:38:08.134047721Z container start ID
    /// (image=busybox, name=x)`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let time = self.moment().to_zoned_datetime(zone.clone());
        let offset = if time.offset().is_zero() { "Z".into() } else { time.strftime("%:z").to_string() };
        let text = format!(
            "{}{offset} {} {} {}",
            time.strftime("%Y-%m-%dT%H:%M:%S.%9f"),
            self.kind.name(),
            self.action,
            self.actor.id
        );
        let attributes: Vec<String> =
            self.actor.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if attributes.is_empty() { text } else { format!("{text} ({})", attributes.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
