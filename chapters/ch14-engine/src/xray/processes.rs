//! What runs in a container: each process has one number inside and another outside.

use ::namespaces::IdRange;
use confinement::Privileges;
use nix::unistd::Pid;
use process::ProcDir;
use serde::Serialize;

/// So many are described.
const MOST: usize = 1000;

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Processes {
    /// How many there are.
    pub total: usize,
    /// The first thousand, by their numbers inside.
    pub list: Vec<ProcessSeen>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessSeen {
    /// Its number outside.
    pub host_pid: i32,
    /// Its number inside; absent if it is not in the container's namespace.
    pub container_pid: Option<i32>,
    /// `NSpid`: its numbers in all namespaces that it is in, from ours inwards.
    pub ns_pid: Vec<i32>,
    /// Its parent's number outside: that of the first is the shim.
    pub host_parent: i32,
    /// Its effective user, outside.
    pub host_user: u32,
    /// The same user inside; absent if there is none.
    pub container_user: Option<u32>,
    /// The kernel's letter and word: `S (sleeping)`.
    pub state: String,
    /// Program and arguments, as the process shows them; it may show anything.
    pub command: String,
    /// Whether it may do what the first process may not.
    pub has_more_rights: bool,
}

pub(super) fn look(first: &ProcDir, members: &[Pid], users: &[IdRange]) -> Processes {
    let status = first.text("status").unwrap_or_default();
    let rights = Privileges::of_status(&status);
    let depth = numbers(&status, "NSpid").len();
    let namespace = first.inode("ns/pid").ok();
    // One that has ended meanwhile is not there any more.
    let described = members.iter().take(MOST).filter_map(|pid| {
        let process = ProcDir::open(pid.as_raw()).ok()?;
        describe(&process, (depth, namespace), users, &rights)
    });
    let mut list: Vec<ProcessSeen> = described.collect();
    list.sort_by_key(|process| (process.container_pid.is_none(), process.container_pid, process.host_pid));
    Processes { total: members.len().max(list.len()), list }
}

fn describe(
    process: &ProcDir,
    (depth, namespace): (usize, Option<u64>),
    users: &[IdRange],
    first: &Privileges,
) -> Option<ProcessSeen> {
    let status = process.text("status").ok()?;
    let ns_pid = numbers(&status, "NSpid");
    let host_user = numbers(&status, "Uid").get(1).copied().and_then(|user| u32::try_from(user).ok())?;
    let rights = Privileges::of_status(&status);
    let word = |key| value(&status, key).unwrap_or_default().to_owned();
    // Who is in a namespace further inside has a number in the container's, too.
    let inside = ns_pid.len() > depth || process.inode("ns/pid").ok() == namespace;
    let number = |at: Option<usize>| at.and_then(|at| ns_pid.get(at)).map(|pid| i32::try_from(*pid).unwrap_or(-1));
    Some(ProcessSeen {
        host_pid: number(Some(0))?,
        container_pid: number(depth.checked_sub(1).filter(|_| inside)),
        host_parent: i32::try_from(*numbers(&status, "PPid").first()?).unwrap_or(0),
        host_user,
        container_user: users.iter().find_map(|range| range.to_inside(host_user)),
        state: word("State"),
        command: command(process, &word("Name")),
        has_more_rights: rights.capabilities.effective.bits() & !first.capabilities.bounding.bits() != 0
            || rights.seccomp_filters < first.seccomp_filters,
        ns_pid: ns_pid.into_iter().filter_map(|pid| i32::try_from(pid).ok()).collect(),
    })
}

/// The words that it was started with; its name alone, in brackets, if it has none: a zombie, or one that has taken them away.
fn command(process: &ProcDir, name: &str) -> String {
    let words = process.text("cmdline").unwrap_or_default();
    let words = words.trim_end_matches('\0');
    if words.is_empty() { format!("[{name}]") } else { words.replace('\0', " ") }
}

fn value<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// The numbers behind a key. The process's name stands first in the file, and has its line ends escaped.
fn numbers(status: &str, key: &str) -> Vec<i64> {
    value(status, key).unwrap_or_default().split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_behind_the_key() {
        let status = "Name:\tNSpid: 4\\nx\nState:\tS (sleeping)\nNSpid:\t48213\t1\nUid:\t0\t1000\t0\t0\n";
        assert_eq!(numbers(status, "NSpid"), [48213, 1]);
        assert_eq!(numbers(status, "Uid")[1], 1000);
        assert_eq!(value(status, "State"), Some("S (sleeping)"));
        assert_eq!(numbers(status, "Gid"), Vec::<i64>::new());
    }
}
