//! Reading `config.json`, as runc, containerd and people write it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use confinement::{Capabilities, Capability};
use namespaces::Kind;
use nix::fcntl::OFlag;
use process::{Diagnose, FailureKind};
use rootfs::MountOptions;
use serde_json::Value;
use thiserror::Error;

use super::{Spec, unapplied};

/// More than any writer needs: a file without end would be all of our memory.
const LARGEST: u64 = 16 << 20;

/// Why there is no specification.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The file could not be read.
    #[error("read {path}: {source}")]
    Read {
        /// `config.json`.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It does not end.
    #[error("read {0}: more than {LARGEST} bytes")]
    Large(PathBuf),
    /// It is not what the specification describes.
    #[error("{path} is not a runtime configuration: {source}")]
    Parse {
        /// `config.json`.
        path: PathBuf,
        /// The place and the reason.
        source: serde_json::Error,
    },
    /// It asks for something that we cannot do, and that must not be skipped silently.
    #[error("the specification asks for {0}, which this runtime does not do")]
    Unapplied(&'static str),
}

impl Diagnose for SpecError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => FailureKind::NotFound,
            Self::Read { .. } => FailureKind::System,
            Self::Large(_) | Self::Parse { .. } => FailureKind::Invalid,
            Self::Unapplied(_) => FailureKind::Unsupported,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("a bundle is a directory with config.json and the root file system that it names".into())
            }
            _ => None,
        }
    }
}

/// What was read, and what is to be told about it.
#[derive(Debug)]
pub struct Bundle {
    /// The description.
    pub spec: Spec,
    /// What it asks for and does not get, as the specification allows. To be shown.
    pub warnings: Vec<String>,
}

/// A file that somebody else has written, for us to parse: it is neither waited for, as a FIFO without a writer would be
/// while signals may be blocked already, nor read without end.
///
/// # Errors
/// Those of `open(2)` and `read(2)`; [`io::ErrorKind::FileTooLarge`] beyond 16 MiB.
pub fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

impl Bundle {
    /// Reads `config.json` of the bundle in `directory`. Relative paths of the root and of what is bound are below that.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn load(directory: &Path) -> Result<Self, SpecError> {
        let path = directory.join("config.json");
        let text = read_bounded(&path).map_err(|source| match source.kind() {
            io::ErrorKind::FileTooLarge => SpecError::Large(path.clone()),
            _ => SpecError::Read { path: path.clone(), source },
        })?;
        let mut bundle = Self::from_json(&path, &text)?;
        if let Some(root) = &mut bundle.spec.root {
            root.path = directory.join(&root.path);
        }
        for mount in &mut bundle.spec.mounts {
            let bound = MountOptions::parse(&mount.options).bind.is_some() || mount.kind == "bind";
            mount.source = mount.source.take().map(|source| if bound { directory.join(source) } else { source });
        }
        Ok(bundle)
    }

    /// The same of the text of the file `path`.
    ///
    /// # Errors
    /// [`SpecError::Parse`], [`SpecError::Unapplied`].
    pub fn from_json(path: &Path, text: &[u8]) -> Result<Self, SpecError> {
        let mut config: Value = serde_json::from_slice(text).map_err(|error| wrong(path, error))?;
        remove_nulls(&mut config);
        if let Some(field) = unapplied::find(&config) {
            return Err(SpecError::Unapplied(field));
        }
        let mut warnings = remove_unknown_capabilities(&mut config);
        // Only the text knows the line of a mistake, if it is the first there too.
        let in_the_text = |error: serde_json::Error| match serde_json::from_slice::<Spec>(text) {
            Err(same) if same.to_string().starts_with(&error.to_string()) => same,
            _ => error,
        };
        let mut spec: Spec = serde_json::from_value(config).map_err(|error| wrong(path, in_the_text(error)))?;
        warnings.extend(remove_unavailable_capabilities(&mut spec));
        Ok(Self { spec, warnings })
    }
}

fn wrong(path: &Path, source: serde_json::Error) -> SpecError {
    SpecError::Parse { path: path.into(), source }
}

/// Go writes an empty list as `null`, and reads `null` as nothing.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(remove_nulls);
        }
        Value::Array(list) => {
            list.retain(|value| !value.is_null());
            list.iter_mut().for_each(remove_nulls);
        }
        _ => {}
    }
}

/// A newer kernel has more of them than we know. The specification wants a warning, and no error.
fn remove_unknown_capabilities(config: &mut Value) -> Vec<String> {
    let sets = config.pointer_mut("/process/capabilities").and_then(Value::as_object_mut);
    let mut unknown = Vec::new();
    for names in sets.into_iter().flat_map(|sets| sets.values_mut()).filter_map(Value::as_array_mut) {
        names.retain(|name| {
            let known = name.as_str().is_none_or(|name| name.parse::<Capability>().is_ok());
            if !known {
                unknown.push(format!("unknown capability {name} is left out"));
            }
            known
        });
    }
    once(unknown)
}

/// Nobody can give what they do not have. In a new user namespace everybody has everything.
fn remove_unavailable_capabilities(spec: &mut Spec) -> Vec<String> {
    let own_users = spec.linux.namespaces.iter().any(|namespace| namespace.kind == Kind::User);
    let Some(sets) = spec.process.as_mut().and_then(|process| process.capabilities.as_mut()) else { return Vec::new() };
    if own_users {
        return Vec::new();
    }
    let available = Capabilities::all();
    let mut missing = Vec::new();
    for set in [&mut sets.bounding, &mut sets.permitted, &mut sets.effective, &mut sets.inheritable, &mut sets.ambient]
    {
        let (have, not): (Vec<_>, Vec<_>) = set.iter().partition(|capability| available.contains(*capability));
        missing.extend(not.iter().map(|capability| format!("{capability} is not available here and is left out")));
        *set = have.into_iter().collect();
    }
    once(missing)
}

/// One capability is in several sets.
fn once(mut warnings: Vec<String>) -> Vec<String> {
    warnings.sort();
    warnings.dedup();
    warnings
}
