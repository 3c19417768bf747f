//! `top`: the processes of a container, as the host's `ps` sees them. It is the one command that executes another program,
//! for its columns are that program's.

use std::process::{Command, Output};

use cgroups::{Cgroup, Layout};
use process::{Diagnose, Failure, FailureKind};
use thiserror::Error;

use crate::engine::Engine;
use crate::saved::{Container, Status};

/// Why there is nothing to see. The words are docker's.
#[derive(Debug, Error)]
enum TopError {
    #[error("container {0} is not running")]
    NotRunning(String),
    #[error("Container {0} is restarting, wait until the container is running")]
    Restarting(String),
    #[error("specifying \"{0}\" is not allowed")]
    Renamed(String),
    #[error("ps: {0}")]
    Program(String),
    #[error("Couldn't find PID field in ps output")]
    NoPid,
    #[error("Unexpected pid '{0}': strconv.Atoi: parsing {0:?}: invalid syntax")]
    Pid(String),
}

impl Diagnose for TopError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotRunning(_) | Self::Restarting(_) => FailureKind::Conflict,
            Self::Program(_) => FailureKind::System,
            _ => FailureKind::Invalid,
        })
    }
}

/// A table of processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// Headings.
    pub titles: Vec<String>,
    /// One line for each process.
    pub rows: Vec<Vec<String>>,
}

impl Engine {
    /// The processes of a container that runs, by the options of `ps` (`-ef` without any).
    ///
    /// # Errors
    /// [`Failure`].
    pub fn top(&self, name: &str, options: &str) -> Result<Processes, Failure> {
        let options = if options.is_empty() { "-ef" } else { options };
        check(options)?;
        let Container { saved, state } = self.find(name)?;
        match state.status {
            Status::Running | Status::Paused => {}
            Status::Restarting => return Err(TopError::Restarting(saved.id).into()),
            Status::Created | Status::Exited => return Err(TopError::NotRunning(saved.id).into()),
        }
        let group = Cgroup::open(&Layout::detect()?, &saved.record.group(&saved.id))?;
        let pids: Vec<i32> = group.procs()?.into_iter().map(nix::unistd::Pid::as_raw).collect();
        let processes = choose(&list(options, &pids)?, &pids)?;
        self.tell(&saved, "top");
        Ok(processes)
    }
}

/// Another heading in place of `PID` would show another container's processes.
fn check(options: &str) -> Result<(), TopError> {
    let renames = regex_lite::Regex::new(r"\s+(\S*)=\s*(PID\S*)").into_iter();
    for rename in renames.flat_map(|pattern| pattern.captures_iter(options).collect::<Vec<_>>()) {
        if &rename[1] != "pid" {
            return Err(TopError::Renamed(format!("{}={}", &rename[1], &rename[2])));
        }
    }
    Ok(())
}

/// What `ps` prints. Some of its options do not go together with a list of processes.
fn list(options: &str, pids: &[i32]) -> Result<String, TopError> {
    let pids = pids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let run = |more: Option<String>| Command::new("ps").args(options.split(' ')).args(more).output();
    let failed = |error: std::io::Error| TopError::Program(error.to_string());
    let mut output = run(Some(format!("-q{pids}"))).map_err(failed)?;
    if !output.status.success() {
        output = run(None).map_err(failed)?;
    }
    let Output { status, stdout, stderr } = output;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&stderr);
    Err(match text.lines().next() {
        Some(line) if !line.is_empty() => TopError::Program(line.into()),
        // Go's words.
        _ => TopError::Program(status.to_string().replace("exit status: ", "exit status ")),
    })
}

/// The lines of these processes, in words. The last column has all that is left.
fn choose(text: &str, pids: &[i32]) -> Result<Processes, TopError> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let titles: Vec<String> = lines.next().unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    let at = titles.iter().position(|title| title == "PID").ok_or(TopError::NoPid)?;
    let (mut rows, mut ours) = (Vec::new(), false);
    for line in lines {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        match fields.get(at) {
            // A thread of the process above.
            Some(&"-") => {}
            Some(field) => {
                let pid: i32 = field.parse().map_err(|_| TopError::Pid((*field).into()))?;
                ours = pids.contains(&pid);
            }
            None => ours = false,
        }
        if ours {
            let last = (titles.len() - 1).min(fields.len());
            let mut row: Vec<String> = fields[..last].iter().map(|field| (*field).to_owned()).collect();
            row.push(fields[last..].join(" "));
            rows.push(row);
        }
    }
    Ok(Processes { titles, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_container_are_chosen_with_their_threads() {
        let text = "USER  PID TTY CMD\nroot  1 ? init\nroot  - - -\nme   72 ? sh -c  sleep 1\nme    - - -\nme 73 ?\n";
        let processes = choose(text, &[72, 73]).expect("a table");
        assert_eq!(processes.titles, ["USER", "PID", "TTY", "CMD"]);
        let expected = [vec!["me", "72", "?", "sh -c sleep 1"], vec!["me", "-", "-", "-"], vec!["me", "73", "?", ""]];
        assert_eq!(processes.rows, expected);
    }

    #[test]
    fn what_is_no_table_of_processes_is_dockers_complaint() {
        assert_eq!(choose("CMD\ninit\n", &[1]).expect_err("no PID").to_string(), TopError::NoPid.to_string());
        let error = choose("PID CMD\nx y\n", &[1]).expect_err("no number").to_string();
        assert_eq!(error, "Unexpected pid 'x': strconv.Atoi: parsing \"x\": invalid syntax");
        let error = check("-eo ppid=PID,cmd").expect_err("another PID").to_string();
        assert_eq!(error, "specifying \"ppid=PID,cmd\" is not allowed");
        assert!(check("-eo pid=PID").is_ok() && check("aux").is_ok());
    }
}
