//! The environment of a container: docker's defaults, the image's, the command line's; later ones win.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use process::Diagnose;
use thiserror::Error;

/// Why a variable or a file of variables was refused.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The file of `--env-file`.
    #[error("open {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A line of it.
    #[error("invalid variable in {path}, line {line}: {text:?}: a name has no blanks and is not empty")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A variable of `--env`.
    #[error("invalid environment variable: {0:?}")]
    Name(String),
}

impl Diagnose for EnvironmentError {}

/// `NAME=value` entries, each name once, in order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct Environment(Vec<String>);

impl Environment {
    /// Sets or replaces. An entry without `=` takes the value from our own environment, or goes away, as in docker.
    pub(crate) fn set(&mut self, entry: &str) {
        let (name, value) = match entry.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (entry, std::env::var(entry).ok()),
        };
        let place = self.0.iter().position(|have| have.split_once('=').is_some_and(|(have, _)| have == name));
        match (value, place) {
            (Some(value), Some(place)) => self.0[place] = format!("{name}={value}"),
            (Some(value), None) => self.0.push(format!("{name}={value}")),
            (None, Some(place)) => drop(self.0.remove(place)),
            (None, None) => {}
        }
    }

    /// Whether `name` is set.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|have| have.split_once('=').is_some_and(|(have, _)| have == name))
    }

    /// The entries.
    pub(crate) fn into_entries(self) -> Vec<String> {
        self.0
    }
}

/// Checks an entry of `--env`.
///
/// # Errors
/// [`EnvironmentError::Name`] for one without a name.
pub(crate) fn check(entry: &str) -> Result<(), EnvironmentError> {
    let name = entry.split('=').next().unwrap_or_default();
    if name.is_empty() { Err(EnvironmentError::Name(entry.into())) } else { Ok(()) }
}

/// Reads `--env-file`: a variable a line, `#` begins a comment line, no quoting, as in docker.
///
/// # Errors
/// [`EnvironmentError::File`], [`EnvironmentError::Line`].
pub(crate) fn read_file(path: &Path) -> Result<Vec<String>, EnvironmentError> {
    let text = fs::read_to_string(path).map_err(|source| EnvironmentError::File { path: path.into(), source })?;
    let mut entries = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = line.split('=').next().unwrap_or_default();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(EnvironmentError::Line { path: path.into(), line: index + 1, text: line.into() });
        }
        entries.push(line.to_owned());
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_win_and_keep_their_place() {
        let mut environment = Environment::default();
        for entry in ["PATH=/bin", "A=1", "PATH=/sbin", "B=x=y", "A", "MINI_DOCKER_TEST_UNSET"] {
            environment.set(entry);
        }
        assert_eq!(environment.into_entries(), ["PATH=/sbin", "B=x=y"]);
    }
}
