//! `image inspect`: everything about an image, in the JSON of docker's Engine API.

use images::{ContainerConfig, Known, Platform, Reference};
use layers::DiffId;
use process::{Failure, FailureKind};
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::ordered::Ordered;

/// Fields of a configuration in the order of docker's structure, and what is in them when nothing is.
const CONFIG: [(&str, Nothing); 13] = [
    ("User", Nothing::Text),
    ("ExposedPorts", Nothing::Object),
    ("Env", Nothing::List),
    ("Entrypoint", Nothing::List),
    ("Cmd", Nothing::List),
    ("Volumes", Nothing::Object),
    ("WorkingDir", Nothing::Text),
    ("Labels", Nothing::Object),
    ("StopSignal", Nothing::Text),
    ("ArgsEscaped", Nothing::Left),
    ("Healthcheck", Nothing::Left),
    ("OnBuild", Nothing::List),
    ("Shell", Nothing::List),
];
/// Those that are shown also when there is nothing in them, where everything is.
const ALWAYS: [&str; 8] = ["Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir"];

/// What stands for nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nothing {
    Text,
    List,
    Object,
    /// Not even the field.
    Left,
}

/// How a description is to be read. Docker's client shows the daemon's answer as it came, but fills templates from a
/// structure of its own: it has fields that the answer lacks, and writes no JSON for what is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Somebody, who gets everything.
    Person,
    /// A template that asks for fields.
    Template,
    /// A template that asks for JSON.
    Json,
}

impl Engine {
    /// Everything about the image of this name or id, which has to be for `platform`.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn inspect_image(&self, name: &str, platform: Option<&Platform>, reader: Reader) -> Result<Ordered, Failure> {
        let known = self.image(name)?;
        let Known { image, .. } = &known;
        let text = |field: &str| image.config.other.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = Platform::of(&image.config);
        if let Some(wanted) = platform.filter(|wanted| wanted.distance(&own).is_none()) {
            let message =
                format!("image with reference {name} was found but does not provide the specified platform ({wanted})");
            return Err(Failure::new(FailureKind::NotFound, message));
        }
        let familiar = |names: &[Reference]| names.iter().map(Reference::familiar).collect::<Vec<_>>();
        let mut fields = vec![
            ("Id", json!(image.id)),
            ("RepoTags", json!(familiar(&known.tags))),
            ("RepoDigests", json!(familiar(&known.digests))),
            ("Parent", json!(known.parent.as_ref().map(ToString::to_string).unwrap_or_default())),
            ("Comment", json!(text("comment"))),
            ("Created", json!(image.config.created.as_deref().unwrap_or_default())),
            ("DockerVersion", json!(text("docker_version"))),
            ("Author", json!(text("author"))),
            ("Architecture", json!(image.config.architecture)),
            ("Os", json!(image.config.os)),
            ("Size", json!(self.image_size(image)?)),
        ];
        if image.config.other.contains_key("variant") {
            let after = fields.iter().position(|(name, _)| *name == "Os").unwrap_or_default();
            fields.insert(after, ("Variant", json!(text("variant"))));
        }
        let fields = fields.into_iter().map(|(name, value)| Ok((name.to_owned(), ordered(&value)?)));
        let mut fields = fields.collect::<Result<Vec<_>, Failure>>()?;
        let mut say = |name: &str, value: Ordered| fields.push((name.to_owned(), value));
        say("GraphDriver", self.graph_driver(&image.layers())?);
        let layers = ordered(&json!(image.config.rootfs.diff_ids))?;
        say(
            "RootFS",
            Ordered::Object(vec![("Type".into(), Ordered::Text("layers".into())), ("Layers".into(), layers)]),
        );
        say("Metadata", ordered(&json!({ "LastTagTime": known.tagged.as_deref().unwrap_or("0001-01-01T00:00:00Z") }))?);
        if let Some(manifest) = &known.manifest {
            say("Descriptor", Ordered::of(manifest).map_err(unwritable)?);
        }
        say("Config", config(&image.config.config, reader)?);
        Ok(Ordered::Object(fields))
    }

    /// Where its files are.
    fn graph_driver(&self, layers: &[DiffId]) -> Result<Ordered, Failure> {
        let paths = layers.iter().rev().map(|id| Ok(self.layers().get(id)?.path.display().to_string()));
        let paths = paths.collect::<Result<Vec<_>, Failure>>()?;
        let mut data = Map::new();
        if let Some((upper, lower)) = paths.split_first() {
            if !lower.is_empty() {
                data.insert("LowerDir".into(), lower.join(":").into());
            }
            data.insert("UpperDir".into(), upper.as_str().into());
        }
        let data = ordered(&Value::Object(data))?;
        Ok(Ordered::Object(vec![("Data".into(), data), ("Name".into(), Ordered::Text("overlay2".into()))]))
    }
}

fn config(config: &ContainerConfig, reader: Reader) -> Result<Ordered, Failure> {
    let Value::Object(mut own) = serde_json::to_value(config).map_err(unwritable)? else {
        return Ok(Ordered::Object(Vec::new()));
    };
    if reader == Reader::Person {
        // In the order of the alphabet.
        let nothing = |name: &str| CONFIG.iter().any(|(field, kind)| *field == name && *kind == Nothing::Text);
        for name in ALWAYS {
            own.entry(name).or_insert_with(|| if nothing(name) { "".into() } else { Value::Null });
        }
        return ordered(&Value::Object(own));
    }
    let mut fields = Vec::new();
    for (name, nothing) in CONFIG {
        let value = own.remove(name).filter(|value| !value.is_null());
        let value = value.or_else(|| match nothing {
            _ if reader == Reader::Json => None,
            Nothing::Text => Some(json!("")),
            Nothing::List => Some(json!([])),
            Nothing::Object => Some(json!({})),
            Nothing::Left => None,
        });
        if let Some(value) = value {
            fields.push((name.to_owned(), ordered(&value)?));
        }
    }
    Ok(Ordered::Object(fields))
}

fn ordered(value: &Value) -> Result<Ordered, Failure> {
    Ordered::of(value).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(FailureKind::System, format!("describe an image: {error}"))
}
