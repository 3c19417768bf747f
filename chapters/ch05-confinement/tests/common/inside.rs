//! What a test wants to know of a process.

use std::path::Path;
use std::process::Command;

use process::{Diagnose, Failure};
use testkit::Inmate;

/// One field of `/proc/PID/status`, its columns separated by one space.
pub(crate) fn status(inmate: &Inmate, field: &str) -> String {
    let text = inmate.proc("status");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The five sets of capabilities, as the kernel prints them: inheritable, permitted, effective, bounding, ambient.
pub(crate) fn sets(inmate: &Inmate) -> [String; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|field| status(inmate, field))
}

/// What a command prints, or that it failed.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(output) => format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => error.to_string(),
    }
}

/// The exit code of a command, or why there is none.
pub(crate) fn code(program: &Path) -> String {
    match Command::new(program).status() {
        Ok(status) => status.code().map_or_else(|| status.to_string(), |code| code.to_string()),
        Err(error) => error.to_string(),
    }
}

/// "ok", or the message.
pub(crate) fn outcome<E: Diagnose>(result: Result<(), E>) -> String {
    result.map_or_else(|error| Failure::from(error).message, |()| "ok".into())
}

/// The message and the hint.
pub(crate) fn complaint<T, E: Diagnose>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => {
            let failure = Failure::from(error);
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        }
    }
}
