//! `history`: the steps in which an image was made, as its configuration tells them.

use images::Image;
use jiff::Timestamp;
use layers::DiffId;
use process::Failure;
use serde::Deserialize;

use crate::engine::Engine;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryStep {
    /// The image that it made, if that is known here.
    pub image: Option<String>,
    /// When.
    pub created: Option<Timestamp>,
    /// By which command.
    pub created_by: String,
    /// Bytes of the layer that it made.
    pub size: u64,
    /// What its author says.
    pub comment: String,
}

/// As <https://github.com/opencontainers/image-spec/blob/main/config.md> has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    created: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
    empty_layer: bool,
}

impl Engine {
    /// How the image was made, the last step first.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn history(&self, name: &str) -> Result<Vec<HistoryStep>, Failure> {
        let known = self.image(name)?;
        let mut layers = known.image.layers().into_iter();
        let mut steps = Vec::new();
        for entry in entries(&known.image) {
            let layer = if entry.empty_layer { None } else { layers.next() };
            steps.push(HistoryStep {
                image: None,
                created: entry.created.and_then(|text| text.parse().ok()),
                created_by: entry.created_by.unwrap_or_default(),
                size: layer.map_or(Ok(0), |layer: DiffId| self.layer_size(&layer))?,
                comment: entry.comment.unwrap_or_default(),
            });
        }
        steps.reverse();
        // As far as it was made here, each step left an image.
        let mut image = Some(known);
        for step in &mut steps {
            let Some(known) = image else { break };
            step.image = Some(known.image.id);
            image = known.parent.and_then(|parent| self.image(&parent.to_string()).ok());
        }
        Ok(steps)
    }
}

fn entries(image: &Image) -> Vec<Entry> {
    let history = image.config.other.get("history").and_then(serde_json::Value::as_array);
    let read = |entry: &serde_json::Value| serde_json::from_value(entry.clone()).unwrap_or_default();
    history.into_iter().flatten().map(read).collect()
}
