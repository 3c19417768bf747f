//! A container's state as the specification writes it: what `state` prints, and what hooks read.
//!
//! <https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state>

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where in its life a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being made.
    Creating,
    /// Made, and its program not yet executed.
    Created,
    /// Its program runs.
    Running,
    /// It runs, and stands still.
    Paused,
    /// Its first process has ended.
    Stopped,
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        })
    }
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Of the specification.
    pub oci_version: String,
    /// The container's.
    pub id: String,
    /// Of its first process; 0 when that has ended.
    #[serde(default)]
    pub pid: i32,
    /// Where it is in its life.
    pub status: Status,
    /// The directory with its `config.json`.
    pub bundle: PathBuf,
    /// Free text for tools.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
