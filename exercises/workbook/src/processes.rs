//! A process and all that it has started, as `/proc` shows them: whether they move, where they wait, and their end.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// One process of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    /// `R`, `S`, `D` …
    state: char,
    /// What it and its reaped children have used of a processor, in clock ticks.
    ticks: u64,
}

/// What a tree looked like at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    tree: Vec<Process>,
}

impl Look {
    /// Looks at `root` and its descendants.
    pub(crate) fn at(root: Pid) -> Self {
        let all: Vec<Process> = numbers("/proc").into_iter().filter_map(read).collect();
        let mut known = BTreeSet::from([root.as_raw_pid()]);
        loop {
            let before = known.len();
            known.extend(
                all.iter()
                    .filter(|process| known.contains(&process.parent))
                    .map(|process| process.pid)
                    .collect::<Vec<_>>(),
            );
            if known.len() == before {
                break;
            }
        }
        let mut tree: Vec<Process> = all.into_iter().filter(|process| known.contains(&process.pid)).collect();
        tree.sort_by_key(|process| process.pid);
        Self { tree }
    }

    /// What the tree has used of a processor so far, in seconds.
    pub(crate) fn seconds(&self) -> u64 {
        // USER_HZ is 100 on every Linux that Rust runs on.
        self.tree.iter().map(|process| process.ticks).sum::<u64>() / 100
    }

    /// Whether everything only waits, and has done so since `earlier`.
    pub(crate) fn stands_still_since(&self, earlier: &Self) -> bool {
        // Who is ready to run waits for a processor, and who is in state D for a disk: that is nobody's mistake.
        self == earlier && self.tree.iter().all(|process| matches!(process.state, 'S' | 'T' | 't' | 'Z'))
    }

    /// Ends all of it, from the root on: whoever is still there starts nothing new.
    pub(crate) fn kill(&self) {
        for pid in self.tree.iter().filter_map(|process| Pid::from_raw(process.pid)) {
            // It may have ended by itself just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Where each process waits, one line each; without those of the test kit, which wait for the others. The first is the
    /// program that was started.
    pub(crate) fn waits(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.tree.iter().filter_map(|process| self.wait_of(process)).collect();
        lines.truncate(MOST);
        lines
    }

    /// The names of the kernel tests whose bodies are among them.
    pub(crate) fn test(&self) -> Option<String> {
        let names = self.tree.iter().filter_map(|process| variable(process.pid, "TESTKIT_TEST"));
        let names: BTreeSet<String> = names.map(|name| short(&name).to_owned()).collect();
        (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
    }

    fn wait_of(&self, process: &Process) -> Option<String> {
        let stage = variable(process.pid, "TESTKIT_STAGE");
        let has_children = self.tree.iter().any(|other| other.parent == process.pid);
        let is_kit = match stage.as_deref() {
            Some(stage) => stage.starts_with("host:"),
            // The program that libtest made waits for the test that it has executed again.
            None => has_children && self.test().is_some() && self.tree.first() == Some(process),
        };
        if is_kit || process.state == 'Z' {
            return None;
        }
        let name = fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
        let inside = status(process.pid, "NSpid").and_then(|all| all.split_whitespace().last().map(str::to_owned));
        let inside = inside.unwrap_or_else(|| process.pid.to_string());
        let who = if stage.is_some() && inside == "1" {
            format!("{}, PID 1,", variable(process.pid, "TESTKIT_TEST").as_deref().map_or("the test", short))
        } else if self.tree.first() == Some(process) {
            "the test program".to_owned()
        } else {
            format!("{}, PID {inside},", name.trim())
        };
        Some(format!("{who} {}", waits_in(process)))
    }
}

/// The most processes that help to see what is the matter.
const MOST: usize = 5;

/// A test without its module.
fn short(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

fn read(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain anything.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    // Fields 14 to 17 of proc_pid_stat(5), counted from the third.
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Process { pid, parent: fields.get(1)?.parse().ok()?, state: fields.first()?.chars().next()?, ticks })
}

/// In which system call, and for what.
fn waits_in(process: &Process) -> String {
    if matches!(process.state, 'T' | 't') {
        return "is stopped by a signal".into();
    }
    // Of a program with threads the newest does the work: libtest's first only waits for it.
    let thread = numbers(&format!("/proc/{}/task", process.pid)).into_iter().max().unwrap_or(process.pid);
    let text = fs::read_to_string(format!("/proc/{}/task/{thread}/syscall", process.pid)).unwrap_or_default();
    let mut words = text.split_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<i64>().ok()) else {
        let channel = fs::read_to_string(format!("/proc/{}/wchan", process.pid)).unwrap_or_default();
        return match channel.trim() {
            "" | "0" => "runs".into(),
            place => format!("waits in the kernel's {place}"),
        };
    };
    let first = words.next().and_then(|word| i64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    let Some((name, of_file)) = call(number) else { return format!("waits in system call {number}") };
    let file = first.filter(|_| of_file).map(|descriptor| {
        let target = fs::read_link(format!("/proc/{}/fd/{descriptor}", process.pid));
        let target = target.map(|target| target.display().to_string()).unwrap_or_default();
        // `pipe:[1234]`: the number says nothing to a reader.
        let kind = target.split(":[").next().unwrap_or_default().to_owned();
        if kind.is_empty() {
            format!(" on descriptor {descriptor}")
        } else {
            format!(" on descriptor {descriptor} ({kind})")
        }
    });
    format!("waits in {name}{}", file.unwrap_or_default())
}

/// The name of a system call in which a process can wait, and whether its first argument is a descriptor.
fn call(number: i64) -> Option<(&'static str, bool)> {
    let known = [
        (libc::SYS_read, "read", true),
        (libc::SYS_write, "write", true),
        (libc::SYS_readv, "readv", true),
        (libc::SYS_writev, "writev", true),
        (libc::SYS_recvfrom, "recvfrom", true),
        (libc::SYS_recvmsg, "recvmsg", true),
        (libc::SYS_sendto, "sendto", true),
        (libc::SYS_sendmsg, "sendmsg", true),
        (libc::SYS_connect, "connect", true),
        (libc::SYS_accept4, "accept4", true),
        (libc::SYS_flock, "flock", true),
        (libc::SYS_fcntl, "fcntl", true),
        (libc::SYS_ioctl, "ioctl", true),
        (libc::SYS_splice, "splice", true),
        (libc::SYS_epoll_pwait, "epoll_pwait", true),
        (libc::SYS_openat, "openat", false),
        (libc::SYS_openat2, "openat2", false),
        (libc::SYS_ppoll, "ppoll", false),
        (libc::SYS_pselect6, "pselect6", false),
        (libc::SYS_wait4, "wait4", false),
        (libc::SYS_waitid, "waitid", false),
        (libc::SYS_futex, "futex", false),
        (libc::SYS_nanosleep, "nanosleep", false),
        (libc::SYS_clock_nanosleep, "clock_nanosleep", false),
        (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", false),
        (libc::SYS_rt_sigsuspend, "rt_sigsuspend", false),
        (libc::SYS_restart_syscall, "a system call that a signal interrupted", false),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll", false),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause", false),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_select, "select", false),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait", true),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, "open", false),
    ];
    known.into_iter().find(|(known, ..)| *known == number).map(|(_, name, of_file)| (name, of_file))
}

/// A variable of the environment that the process was started with.
fn variable(pid: i32, name: &str) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split('\0').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn status(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(|value| value.trim().to_owned())
}

fn numbers(directory: &str) -> Vec<i32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_tree_is_seen_and_ends_as_a_whole() {
        let script = "sleep 1000 & (sleep 2000 & wait) & wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap();
        let root = Pid::from_child(&shell);
        let sleeping = |look: &Look| look.waits().iter().filter(|line| line.contains("sleep, PID")).count();
        let mut look = Look::at(root);
        while sleeping(&look) < 2 || !look.stands_still_since(&Look::at(root)) {
            look = Look::at(root);
        }
        let waits = look.waits();
        look.kill();
        shell.wait().unwrap();
        assert_eq!(waits.len(), 4, "{waits:?}");
        assert!(waits.iter().any(|line| line.ends_with("waits in clock_nanosleep")), "{waits:?}");
        let alive =
            |process: &Process| read(process.pid).is_some_and(|now| now.state != 'Z' && now.parent == process.parent);
        while look.tree.iter().any(alive) {}
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let root = Pid::from_child(&cat);
        let told = || Look::at(root).waits().join("");
        while !told().ends_with("waits in read on descriptor 0 (pipe)") {}
        cat.kill().unwrap();
        cat.wait().unwrap();
    }
}
