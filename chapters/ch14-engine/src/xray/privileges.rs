//! What a container's first process may do, beside what we may.

use confinement::Privileges;
use process::ProcDir;
use serde::Serialize;

/// Both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rights {
    /// Ours.
    pub host: Privileges,
    /// Those of the container's first process.
    pub container: Privileges,
    /// Its label, where the kernel has a module that labels processes (`attr/current`).
    pub label: Option<String>,
}

pub(super) fn look(first: &ProcDir) -> Option<Rights> {
    let status = |process: &ProcDir| Some(Privileges::of_status(&process.text("status").ok()?));
    let own = ProcDir::open(nix::unistd::getpid().as_raw()).ok()?;
    let label = first.text("attr/current").ok().map(|label| label.trim_matches(['\0', '\n', ' ']).to_owned());
    Some(Rights { host: status(&own)?, container: status(first)?, label: label.filter(|label| !label.is_empty()) })
}
