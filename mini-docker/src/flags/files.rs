//! Values of flags that are files: labels, profiles.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use process::Failure;
use runtime::environment;
use serde::de::IgnoredAny;

use super::error::FlagError;
use super::values;

/// From files first, so that the command line has the last word.
pub(super) fn labels(files: &[OsString], given: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for path in files {
        let lines = environment::read_pairs(Path::new(path))?;
        labels.extend(lines.iter().map(|line| values::pair(&line.to_string())));
    }
    labels.extend(given);
    Ok(labels)
}

/// `seccomp=FILE` becomes `seccomp=` and what is in the file. It is read here, once: it may be a pipe.
pub(super) fn security(option: String) -> Result<String, FlagError> {
    let separator = if option.contains('=') { '=' } else { ':' };
    let (name, value) = match option.split_once(separator) {
        Some((name, value)) => (name, Some(value)),
        None => (option.as_str(), None),
    };
    if name != "no-new-privileges" && value.is_none_or(str::is_empty) {
        return Err(FlagError::Security(option));
    }
    let (Some(path), "seccomp") = (value.filter(|value| !matches!(*value, "builtin" | "unconfined")), name) else {
        return Ok(option);
    };
    let json = fs::read_to_string(path).map_err(|source| FlagError::Profile { path: path.into(), source })?;
    serde_json::from_str::<IgnoredAny>(&json).map_err(|source| FlagError::Json { path: path.into(), source })?;
    Ok(format!("seccomp={json}"))
}
