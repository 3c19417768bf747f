//! `state`, `list` and `ps`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use mini_docker::outcome;
use process::{Failure, FailureKind};
use runtime::{Containers, Entry, State};
use serde::Serialize;
use serde_json::json;
use tabwriter::TabWriter;

use crate::cli::Format;

/// As runc shows it, which is the specification's state and some more.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    state: State,
    rootfs: Option<&'a Path>,
    created: &'a str,
    owner: &'static str,
}

fn shown<'a>(entry: &'a Entry, owner: &'static str) -> Shown<'a> {
    let record = &entry.record;
    let rootfs = record.spec.root.as_ref().map(|root| root.path.as_path());
    Shown { state: entry.state(), rootfs, created: &record.created, owner }
}

fn as_json(value: &impl Serialize, pretty: bool) -> Result<String, Failure> {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    text.map_err(|error| Failure::new(FailureKind::System, error.to_string()))
}

pub(crate) fn state(entry: &Entry) -> Result<(), Failure> {
    outcome::print(as_json(&shown(entry, ""), true)?)
}

pub(crate) fn list(containers: &Containers, format: Format, quiet: bool) -> Result<(), Failure> {
    let entries = containers.list()?;
    if quiet {
        return outcome::print(entries.iter().fold(String::new(), |text, entry| text + &entry.record.id + "\n"));
    }
    let shown: Vec<Shown> = entries.iter().map(|entry| shown(entry, "root")).collect();
    if format == Format::Json {
        // As Go writes an empty list that was never made.
        let text = if shown.is_empty() { "null".into() } else { as_json(&shown, false)? };
        return outcome::print(text + "\n");
    }
    let mut table = TabWriter::new(Vec::new()).minwidth(9).padding(3);
    let mut text = String::from("ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n");
    for Shown { state, created, owner, .. } in &shown {
        let State { id, pid, status, bundle, .. } = state;
        // Writing to memory does not fail.
        let _ = writeln!(text, "{id}\t{pid}\t{status}\t{}\t{created}\t{owner}", bundle.display());
    }
    let _ = table.write_all(text.as_bytes());
    outcome::print(String::from_utf8_lossy(&table.into_inner().unwrap_or_default()))
}

pub(crate) fn ps(entry: &Entry, format: Format, options: &[String]) -> Result<(), Failure> {
    let pids: Vec<i32> = entry.procs()?.into_iter().map(nix::unistd::Pid::as_raw).collect();
    if format == Format::Json {
        return outcome::print(format_args!("{}\n", json!(pids)));
    }
    let failed = |reason: &dyn std::fmt::Display| Failure::new(FailureKind::System, format!("ps: {reason}"));
    let arguments = if options.is_empty() { vec!["-ef".to_owned()] } else { options.to_vec() };
    let output = Command::new("ps").args(arguments).output().map_err(|error| failed(&error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
    }
    let (head, rows) = text.split_once('\n').unwrap_or((&text, ""));
    let column = head.split_whitespace().position(|name| name == "PID");
    let column = column.ok_or_else(|| failed(&"couldn't find PID field in ps output"))?;
    let ours = |row: &&str| {
        let pid = row.split_whitespace().nth(column).and_then(|text| text.parse().ok());
        pid.is_some_and(|pid| pids.contains(&pid))
    };
    let rows = rows.lines().filter(ours).fold(String::new(), |text, row| text + row + "\n");
    outcome::print(format_args!("{head}\n{rows}"))
}
