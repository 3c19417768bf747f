//! The environment of a container: docker's defaults, then the command line's and the image's; later ones win.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::text::Text;

/// Why a file of variables was refused. The words are docker's.
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
    #[error("invalid env file ({path}): {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Diagnose for EnvironmentError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

/// `NAME=value` entries, each name once, in order of first appearance.
#[derive(Debug, Default)]
pub struct Environment(Vec<Text>);

impl Environment {
    /// Sets or replaces. An entry without `=` takes the variable away, as in docker.
    pub fn set(&mut self, entry: Text) {
        let place = self.0.iter().position(|have| have.name() == entry.name());
        match (entry.has_value(), place) {
            (true, Some(place)) => self.0[place] = entry,
            (true, None) => self.0.push(entry),
            (false, Some(place)) => drop(self.0.remove(place)),
            (false, None) => {}
        }
    }

    /// Sets a variable that is missing or empty.
    pub fn set_default(&mut self, entry: Text) {
        let empty = entry.name().len() + 1;
        if !self.0.iter().any(|have| have.name() == entry.name() && have.len() > empty) {
            self.set(entry);
        }
    }

    /// The entries.
    pub fn into_entries(self) -> Vec<Text> {
        self.0
    }
}

/// What the command line and the image ask for, in docker's order. A name that the command line has, with a value or
/// without, is no more the image's.
pub fn merge(wished: &[Text], image: &[String]) -> Vec<Text> {
    let image = image.iter().map(|entry| Text::from(entry.as_str()));
    let rest = image.filter(|entry| wished.iter().all(|wish| wish.name() != entry.name()));
    wished.iter().cloned().chain(rest).collect()
}

/// An entry of `--env`: one without `=` has the value that the variable has here, or takes it away inside. `None` if there
/// is no name.
pub fn entry(text: OsString) -> Option<Text> {
    let entry = Text::from(text);
    if entry.name().is_empty() {
        return None;
    }
    let ours = if entry.has_value() { None } else { std::env::var_os(&*entry) };
    Some(ours.map_or(entry.clone(), |value| joined(&entry, &value)))
}

/// Reads `--env-file`: a variable a line, `#` begins a comment line, no quoting, as in docker. A name without `=` has our
/// value, or is left out.
///
/// # Errors
/// [`EnvironmentError`].
pub fn read_file(path: &Path) -> Result<Vec<Text>, EnvironmentError> {
    read_with(path, |name| std::env::var_os(name))
}

/// The same for `--label-file`: a name without `=` is left out in any case.
///
/// # Errors
/// [`EnvironmentError`].
pub fn read_pairs(path: &Path) -> Result<Vec<Text>, EnvironmentError> {
    read_with(path, |_| None)
}

fn read_with(path: &Path, ours: impl Fn(&str) -> Option<OsString>) -> Result<Vec<Text>, EnvironmentError> {
    let bytes = fs::read(path).map_err(|source| EnvironmentError::File { path: path.into(), source })?;
    let wrong = |reason: String| EnvironmentError::Line { path: path.into(), reason };
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut entries = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
            .map_err(|_| wrong(format!("invalid utf8 bytes at line {}: {line:?}", index + 1)))?
            .trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(wrong(format!("no variable name on line '{line}'")));
        }
        if name.contains([' ', '\t']) {
            return Err(wrong(format!("variable '{name}' contains whitespaces")));
        }
        match value {
            Some(_) => entries.push(line.into()),
            None => entries.extend(ours(name).map(|value| joined(OsStr::new(name), &value))),
        }
    }
    Ok(entries)
}

fn joined(name: &OsStr, value: &OsStr) -> Text {
    OsString::from_vec([name.as_bytes(), b"=", value.as_bytes()].concat()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(environment: Environment) -> Vec<String> {
        environment.into_entries().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn later_entries_win_and_keep_their_place() {
        let mut environment = Environment::default();
        for entry in ["PATH=/bin", "A=1", "PATH=/sbin", "B=x=y", "A", "NOSUCH"] {
            environment.set(entry.into());
        }
        assert_eq!(entries(environment), ["PATH=/sbin", "B=x=y"]);
    }

    #[test]
    fn a_default_fills_what_is_missing_or_empty() {
        let mut environment = Environment::default();
        for entry in ["HOME=", "A=1"] {
            environment.set(entry.into());
        }
        for entry in ["HOME=/root", "A=2", "B=3"] {
            environment.set_default(entry.into());
        }
        assert_eq!(entries(environment), ["HOME=/root", "A=1", "B=3"]);
    }

    #[test]
    fn the_image_fills_what_the_command_line_leaves() {
        let merged = merge(&["A=1".into(), "GONE".into()], &["A=2".into(), "B=3".into(), "GONE=x".into()]);
        assert_eq!(merged, ["A=1".into(), "GONE".into(), Text::from("B=3")]);
    }

    #[test]
    fn files_are_read_as_docker_reads_them() {
        let scratch = tempfile::NamedTempFile::new().expect("a file");
        let read = |bytes: &[u8]| {
            fs::write(scratch.path(), bytes).expect("written");
            read_file(scratch.path())
                .map(|entries| entries.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"))
                .map_err(|error| error.to_string().replace(&scratch.path().display().to_string(), "FILE"))
        };
        let cases: [(&[u8], &str); 6] = [
            (b"A=1\nB=x y \n", "A=1|B=x y "),
            (b"\xef\xbb\xbfA=1\r\n# no\n\n  #no\n\tB=\"q\"\r\n", "A=1|B=\"q\""),
            (b"A=1\nA=2", "A=1|A=2"),
            (b"MINI_DOCKER_TEST_UNSET\nB=", "B="),
            (b"A=$B\nB==\n", "A=$B|B=="),
            (b"", ""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes).as_deref(), Ok(expected), "{bytes:?}");
        }
        let errors = [&b"=x"[..], b"export A=1", b"A =1", b"ok=1\nA=\xff"].map(|bytes| read(bytes).expect_err("wrong"));
        insta::assert_snapshot!(errors.join("\n"), @r"
        invalid env file (FILE): no variable name on line '=x'
        invalid env file (FILE): variable 'export A' contains whitespaces
        invalid env file (FILE): variable 'A ' contains whitespaces
        invalid env file (FILE): invalid utf8 bytes at line 2: [65, 61, 255]
        ");
    }
}
