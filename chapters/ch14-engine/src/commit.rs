//! `commit`: what a container has written becomes a layer, and what it is the configuration of an image.

use std::collections::BTreeMap;

use images::{ContainerConfig, Image, ImageConfig, Reference};
use layers::{Upper, View};
use process::{Diagnose, Failure, FailureKind};
use runtime::Text;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::engine::Engine;
use crate::saved::{Container, Saved, Status};
use crate::signal;
use crate::tree::is_made_by_start;
use crate::users::owners;

/// What of its image's configuration a container has from it, besides what it was asked to be.
const INHERITED: [&str; 3] = ["ExposedPorts", "Labels", "Volumes"];

/// How an image is made of a container.
#[derive(Debug, Clone, Default)]
pub struct CommitWish {
    /// Who made it.
    pub author: String,
    /// What it is.
    pub message: String,
    /// Instructions that change its configuration.
    pub changes: Vec<String>,
    /// Let the container stand still meanwhile.
    pub pause: bool,
}

/// Why there is no image.
#[derive(Debug, Error)]
enum CommitError {
    #[error("refusing to create a tag with a digest reference")]
    Digest,
}

impl Diagnose for CommitError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

impl Engine {
    /// Makes an image of the container as it is now. Without a name it is known by its id alone.
    ///
    /// # Errors
    /// [`Failure`]; the container is as it was.
    pub fn commit(&self, name: &str, reference: Option<&Reference>, wish: &CommitWish) -> Result<Image, Failure> {
        if reference.is_some_and(|reference| reference.digest().is_some()) {
            return Err(CommitError::Digest.into());
        }
        let Container { saved, state } = self.find(name)?;
        let parent = self.images_store().of_container(&saved.record.image)?;
        let before = of_container(&saved, &parent.config.config);
        let mut config = changed(&before, &wish.changes)?;
        if config.entrypoint.as_ref().is_none_or(Vec::is_empty) && config.cmd.as_ref().is_none_or(Vec::is_empty) {
            // Docker's rule: nothing at all is what it was.
            (config.entrypoint, config.cmd) = (before.entrypoint.clone(), before.cmd.clone());
        }
        let still = wish.pause && state.status == Status::Running;
        if still {
            self.pause(&saved.id)?;
        }
        let layer = self.written(&saved);
        if still {
            self.unpause(&saved.id)?;
        }
        let config = describe(parent.config.clone(), config, &before, layer?, wish);
        let image = self.images_store().put(reference, config, Some(&parent))?;
        self.images_store().confirm(&image, self.layers())?;
        Ok(image)
    }

    /// What the container has written, as a layer; `None` if it is nothing.
    fn written(&self, saved: &Saved) -> Result<Option<String>, Failure> {
        if self.diff(&saved.id)?.is_empty() {
            return Ok(None);
        }
        let Upper { upper, .. } = Upper::at(&self.store().home(&saved.id));
        let view = View { owners: owners(saved), hidden: Some(&is_ours) };
        Ok(Some(self.layers().import_upper(&upper, &view)?.diff_id.to_string()))
    }
}

/// `/etc` may be the image's, and changed.
fn is_ours(path: &std::path::Path, metadata: &nix::sys::stat::FileStat) -> bool {
    path != std::path::Path::new("etc") && is_made_by_start(path, metadata)
}

/// A configuration with what the instructions say.
///
/// # Errors
/// [`builder::InstructionError`].
pub(crate) fn changed(
    config: &ContainerConfig,
    changes: &[String],
) -> Result<ContainerConfig, builder::InstructionError> {
    if changes.is_empty() {
        return Ok(config.clone());
    }
    builder::change(config, &builder::parse(&changes.join("\n"))?, |text| signal::number(text).is_some())
}

/// What the container runs with: its wish, and what that leaves to the image.
fn of_container(saved: &Saved, image: &ContainerConfig) -> ContainerConfig {
    let (asked, record) = (&saved.create.config, &saved.record);
    let texts = |list: &[Text]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut other: BTreeMap<String, Value> = image
        .other
        .iter()
        .filter(|(name, _)| INHERITED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !record.labels.is_empty() {
        let labels = other.entry("Labels".into()).or_insert_with(|| json!({}));
        if !labels.is_object() {
            *labels = Value::Object(Map::new());
        }
        if let Value::Object(labels) = labels {
            labels.extend(record.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
        }
    }
    ContainerConfig {
        user: record.user.clone(),
        env: Some(texts(&record.env)).filter(|env| !env.is_empty()),
        entrypoint: asked.entrypoint.as_deref().map(texts).or_else(|| image.entrypoint.clone()),
        // A new entrypoint forgets the image's command.
        cmd: asked.cmd.as_deref().map(texts).or_else(|| image.cmd.clone().filter(|_| asked.entrypoint.is_none())),
        working_dir: if asked.working_dir.is_empty() { image.working_dir.clone() } else { asked.working_dir.clone() },
        healthcheck: record.health.as_ref().map(|check| check.config.clone()),
        stop_signal: record.stop_signal.clone(),
        shell: image.shell.clone(),
        other,
    }
}

fn describe(
    parent: ImageConfig,
    config: ContainerConfig,
    before: &ContainerConfig,
    layer: Option<String>,
    wish: &CommitWish,
) -> ImageConfig {
    let created = jiff::Timestamp::now().to_string();
    let mut image = ImageConfig { created: Some(created.clone()), config, ..parent };
    let mut entry = Map::new();
    let mut say = |name: &str, value: Value| drop(entry.insert(name.into(), value));
    say("created", created.into());
    say("created_by", before.cmd.iter().flatten().cloned().collect::<Vec<_>>().join(" ").into());
    if !wish.author.is_empty() {
        say("author", wish.author.as_str().into());
    }
    if !wish.message.is_empty() {
        say("comment", wish.message.as_str().into());
    }
    if layer.is_none() {
        say("empty_layer", true.into());
    }
    image.rootfs.diff_ids.extend(layer);
    match image.other.entry("history".into()).or_insert_with(|| json!([])) {
        Value::Array(history) => history.push(entry.into()),
        other => *other = json!([entry]),
    }
    for (field, text) in [("author", &wish.author), ("comment", &wish.message)] {
        image.other.remove(field);
        if !text.is_empty() {
            image.other.insert(field.into(), text.as_str().into());
        }
    }
    image
}
