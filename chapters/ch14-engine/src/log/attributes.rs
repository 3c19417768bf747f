//! What goes with each line of a log, if asked for: some of the container's labels and variables, and a tag.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::config::LogConfig;
use super::origin::Origin;
use super::tag;

impl LogConfig {
    /// Whether anything goes along with the lines.
    pub fn has_attributes(&self) -> bool {
        !(self.labels.is_empty() && self.env.is_empty() && self.tag.is_empty())
    }

    /// The attributes of every line of a container's log.
    pub fn attributes(&self, origin: &Origin<'_>) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        let labels = origin.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        choose(&mut attributes, &self.labels, &self.labels_regex, labels);
        let variables = origin.env.iter().filter_map(|variable| variable.split_once('='));
        choose(&mut attributes, &self.env, &self.env_regex, variables);
        if !self.tag.is_empty() {
            attributes.insert("tag".into(), tag::fill(&self.tag, origin));
        }
        attributes
    }
}

/// Adds those that are named, or whose names match. Of one that is there twice the last counts.
fn choose<'a>(
    attributes: &mut BTreeMap<String, String>,
    names: &[String],
    pattern: &str,
    all: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let pattern = Some(pattern).filter(|pattern| !pattern.is_empty()).and_then(|pattern| Regex::new(pattern).ok());
    let chosen = all.filter(|(name, _)| {
        names.iter().any(|wanted| wanted == name) || pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
    });
    attributes.extend(chosen.map(|(name, value)| (name.into(), value.into())));
}
