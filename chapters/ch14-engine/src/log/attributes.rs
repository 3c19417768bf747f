//! What goes with each line of a log, if asked for: some of the container's labels and variables, and a tag.

use std::collections::BTreeMap;

use super::config::LogConfig;
use super::tag;

/// Whose log it is.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The container's id, 64 digits.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its image's id, with `sha256:`.
    pub image_id: &'a str,
    /// Its image's name.
    pub image_name: &'a str,
    /// What it runs.
    pub command: &'a [String],
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its variables, as `NAME=value`.
    pub env: &'a [String],
}

impl LogConfig {
    /// Whether anything goes along with the lines.
    pub fn has_attributes(&self) -> bool {
        !(self.labels.is_empty() && self.env.is_empty() && self.tag.is_empty())
    }

    /// The attributes of every line of a container's log.
    pub fn attributes(&self, origin: &Origin<'_>) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        for name in &self.labels {
            attributes.extend(origin.labels.get(name).map(|value| (name.clone(), value.clone())));
        }
        for name in &self.env {
            // Of a variable that is there twice the last counts.
            let mut values = origin.env.iter().filter_map(|variable| variable.split_once('='));
            let value = values.rfind(|(key, _)| key == name).map(|(_, value)| value.to_owned());
            attributes.extend(value.map(|value| (name.clone(), value)));
        }
        if !self.tag.is_empty() {
            attributes.insert("tag".into(), tag::fill(&self.tag, origin));
        }
        attributes
    }
}
