//! Which log a container has: docker's `LogConfig` in JSON, and what comes of it, checked once.
//!
//! Docker keeps everything that a container ever printed until the disk is full; here a log is bounded unless somebody says
//! `max-size=-1`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use super::error::{LogError, OptionError};
use super::files::Files;
use super::tag;
use crate::units::{Bytes, UnitError, parse_bool, parse_int};

/// Docker's default for `local`, and ours for both: so many files …
const FILES: u32 = 5;
/// … of so many bytes, in units of which `max-size` counts for the driver.
const SIZE: &str = "20m";

/// What was asked for, as in `HostConfig.LogConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogWish {
    /// The driver; empty for the default.
    #[serde(rename = "Type")]
    pub driver: String,
    /// Its options.
    pub config: Option<BTreeMap<String, String>>,
}

/// How a log is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// `ID-json.log`: other programs read it, too.
    #[default]
    JsonFile,
    /// `local-logs/container.log`: docker's is binary and nobody's business; ours has the same lines as `json-file`, and
    /// packs what has been rotated out.
    Local,
    /// Not at all.
    None,
}

/// A log's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfig {
    /// How it is kept.
    pub driver: Driver,
    /// How many bytes one file may have before the next line goes to another; `None` for any number.
    pub max_size: Option<u64>,
    /// How many files are kept, the current one included.
    pub max_files: u32,
    /// Whether all but the current one are packed with gzip.
    pub compress: bool,
    /// The container's labels that go with each line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Labels whose names have this in them do, too; a regular expression.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels_regex: String,
    /// The container's variables that do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// As with labels.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub env_regex: String,
    /// A template of what does; it has been [checked](tag::check).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            driver: Driver::JsonFile,
            max_size: Bytes::decimal(SIZE).ok().and_then(|bytes| u64::try_from(bytes.0).ok()),
            max_files: FILES,
            compress: false,
            labels: Vec::new(),
            labels_regex: String::new(),
            env: Vec::new(),
            env_regex: String::new(),
            tag: String::new(),
        }
    }
}

impl LogConfig {
    /// What a wish comes to.
    ///
    /// # Errors
    /// [`LogError`], in docker's words.
    pub fn resolve(wish: &LogWish) -> Result<Self, LogError> {
        let none = BTreeMap::new();
        let options = wish.config.as_ref().unwrap_or(&none);
        if wish.driver == "none" {
            let none = Self { driver: Driver::None, ..Self::default() };
            return if options.is_empty() { Ok(none) } else { Err(LogError::OptionsOfNone) };
        }
        check_delivery(options)?;
        let options = options.iter().filter(|(name, _)| !is_of_every_driver(name));
        match wish.driver.as_str() {
            "" | "json-file" => Self::json_file(options),
            "local" => Self::local(options),
            other => Err(LogError::UnknownDriver(other.into())),
        }
    }

    fn json_file<'a>(options: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Self, LogError> {
        let value = |source| OptionError::Value { prefix: String::new(), source };
        let list = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(Into::into).collect();
        let mut config = Self::default();
        for (name, text) in options {
            match name.as_str() {
                "max-size" => config.max_size = size(text, Bytes::decimal).map_err(value)?,
                "max-file" => config.max_files = files(text).map_err(value)?,
                "compress" => config.compress = parse_bool(text).map_err(value)?,
                "labels" => config.labels = list(text),
                "env" => config.env = list(text),
                "tag" => {
                    tag::check(text)?;
                    config.tag.clone_from(text);
                }
                "labels-regex" => config.labels_regex = pattern(text)?,
                "env-regex" => config.env_regex = pattern(text)?,
                _ => return Err(LogError::UnknownJsonOption(name.clone())),
            }
        }
        config.make_sense(OptionError::NothingToPack)
    }

    fn local<'a>(options: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Self, LogError> {
        let max_size = size(SIZE, str::parse).unwrap_or_default();
        let mut config = Self { driver: Driver::Local, max_size, compress: true, ..Self::default() };
        for (name, text) in options {
            let value = |source| OptionError::Value { prefix: format!("invalid value for {name}: {text}: "), source };
            match name.as_str() {
                "max-size" => config.max_size = size(text, str::parse).map_err(value)?,
                "max-file" => config.max_files = files(text).map_err(value)?,
                "compress" => {
                    let prefix = "error reading compress log option: ".into();
                    config.compress = parse_bool(text).map_err(|source| OptionError::Value { prefix, source })?;
                }
                _ => return Err(LogError::UnknownLocalOption(name.clone())),
            }
        }
        config.make_sense(OptionError::NothingToPackLocally)
    }

    fn make_sense(self, nothing_to_pack: OptionError) -> Result<Self, LogError> {
        if self.max_size == Some(0) {
            return Err(OptionError::NoSize.into());
        }
        if self.max_files == 0 {
            return Err(OptionError::NoFile.into());
        }
        if self.compress && (self.max_files < 2 || self.max_size.is_none() && self.driver == Driver::JsonFile) {
            return Err(nothing_to_pack.into());
        }
        Ok(self)
    }

    /// Docker's `LogPath`: the file that is written to, in the container's directory. `None` if there is no log.
    pub fn path(&self, directory: &Path, id: &str) -> Option<PathBuf> {
        self.files(directory, id).map(|files| files.path(0))
    }

    /// Every file of the log that there is, for whoever counts or removes them: newest first.
    pub fn all_files(&self, directory: &Path, id: &str) -> Vec<PathBuf> {
        self.files(directory, id).map(|files| files.existing()).unwrap_or_default()
    }

    pub(super) fn files(&self, directory: &Path, id: &str) -> Option<Files> {
        match self.driver {
            Driver::JsonFile => Some(Files::new(directory.join(format!("{id}-json.log")), self.max_files)),
            Driver::Local => Some(Files::in_directory(directory.join("local-logs"), "container.log", self.max_files)),
            Driver::None => None,
        }
    }
}

/// Docker buffers between container and log, if asked to, so that the disk's pace is not the container's. Our shim reads
/// in large portions anyway: both modes are the same.
fn check_delivery(options: &BTreeMap<String, String>) -> Result<(), LogError> {
    let mode = options.get("mode").map(String::as_str).unwrap_or_default();
    if !matches!(mode, "" | "blocking" | "non-blocking") {
        return Err(LogError::Mode(mode.into()));
    }
    if let Some(text) = options.get("max-buffer-size") {
        if mode != "non-blocking" {
            return Err(LogError::NoBuffer);
        }
        text.parse::<Bytes>().map_err(LogError::BufferSize)?;
    }
    match options.get("cache-disabled") {
        Some(text) if parse_bool(text).is_err() => Err(LogError::Cache(text.clone())),
        _ => Ok(()),
    }
}

/// What docker takes for every driver. The cache is for drivers that cannot be read: ours can.
fn is_of_every_driver(name: &str) -> bool {
    matches!(
        name,
        "mode" | "max-buffer-size" | "cache-disabled" | "cache-max-size" | "cache-max-file" | "cache-compress"
    )
}

/// Docker's documentation has -1 for "unlimited", its daemon means the same by leaving the option out. Here that is another
/// wish, so -1 is taken at its word.
fn size(text: &str, parse: impl Fn(&str) -> Result<Bytes, UnitError>) -> Result<Option<u64>, UnitError> {
    if text == "-1" {
        return Ok(None);
    }
    Ok(Some(u64::try_from(parse(text)?.0).unwrap_or_default()))
}

/// A regular expression that can be used.
fn pattern(text: &str) -> Result<String, OptionError> {
    Regex::new(text).map_err(|error| OptionError::Pattern(error.to_string()))?;
    Ok(text.into())
}

/// Less than one is as wrong as none.
fn files(text: &str) -> Result<u32, UnitError> {
    Ok(u32::try_from(parse_int(text)?.max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
