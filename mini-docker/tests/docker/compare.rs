//! Runs every case on docker and on us, several at a time, and says where they differ and should not.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::poll::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::common::Said;
use crate::normal::normalise;
use crate::table::{Case, Part};

/// Docker waits more than it works.
const WORKERS: usize = 6;
/// Docker 28 loses the output of short programs now and then (docker/cli#5957): a difference is one that stays, also when
/// nothing else runs.
const ATTEMPTS: usize = 3;
const ATTEMPTS_ALONE: usize = 6;
/// What is not over after a minute counts as ended by a signal.
const LIMIT: u16 = 60_000;

/// Whom `docker` means.
pub(crate) struct Side {
    /// A directory with that one program.
    programs: PathBuf,
    /// What tells it where its data are.
    variable: (&'static str, String),
}

impl Side {
    pub(crate) fn new(directory: &Path, program: &Path, variable: (&'static str, String)) -> Self {
        fs::create_dir(directory).expect("a directory");
        symlink(program, directory.join("docker")).expect("a link");
        Self { programs: directory.into(), variable }
    }

    /// Runs `script` in the empty directory `place`.
    pub(crate) fn run(&self, script: &str, place: &Path) -> Said {
        let _ = fs::remove_dir_all(place);
        fs::create_dir(place).expect("a directory");
        let streams = ["stdout", "stderr"].map(|name| place.with_extension(name));
        let [stdout, stderr] = streams.each_ref().map(|path| File::create(path).expect("a file"));
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(place).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        command.env_clear().env("HOME", "/root").env("EXPORTED", "yes").env("T", place);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.programs.display()));
        command.env(self.variable.0, &self.variable.1);
        // A group of its own, so that all that it leaves behind can be ended.
        let mut shell = command.process_group(0).spawn().expect("bash starts");
        let group = Pid::from_child(&shell);
        let pidfd = pidfd_open(group, PidfdFlags::empty()).expect("a pidfd of a child");
        let over = poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], LIMIT).expect("poll");
        let _ = kill_process_group(group, Signal::KILL);
        let status = shell.wait().expect("the end of a child");
        let text = streams.map(|path| {
            let bytes = fs::read(&path).expect("what it printed");
            fs::remove_file(&path).expect("a file goes");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let [stdout, stderr] = text;
        Said { stdout, stderr, code: status.code().filter(|_| over == 1) }
    }
}

/// The differences that nobody explained, and the explanations that explain nothing.
pub(crate) fn faults(cases: &[Case], docker: &Side, ours: &Side, scratch: &Path) -> Vec<String> {
    let judge = |index: usize, attempts: usize| {
        let (case, place) = (&cases[index], scratch.join(format!("case-{index}")));
        let mut last = None;
        for _ in 0..attempts {
            last = fault(case, &docker.run(&case.script, &place), &ours.run(&case.script, &place));
            if last.is_none() {
                break;
            }
        }
        let _ = fs::remove_dir_all(&place);
        last
    };
    let next = AtomicUsize::new(0);
    // Docker refuses a second prune while one runs.
    let prune = Mutex::new(());
    let mut left: Vec<usize> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut left = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(index) else { return left };
                        let _alone = case.line.contains("prune").then(|| prune.lock());
                        left.extend(judge(index, ATTEMPTS).map(|_| index));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    left.sort_unstable();
    left.into_iter().filter_map(|index| judge(index, ATTEMPTS_ALONE)).collect()
}

fn fault(case: &Case, docker: &Said, ours: &Said) -> Option<String> {
    let mut text = String::new();
    for part in &Part::ALL {
        let (docker, ours) = (value(docker, *part), value(ours, *part));
        match (docker == ours, case.differs.contains(part)) {
            (true, false) | (false, true) => {}
            _ if case.may_differ.contains(part) => {}
            (true, true) => {
                let _ = writeln!(text, "  {}: listed as different, and is the same: {ours:?}", part.name());
            }
            (false, false) => {
                let _ = writeln!(text, "  {}: docker {docker:?}\n  {}: ours   {ours:?}", part.name(), part.name());
            }
        }
    }
    (!text.is_empty()).then(|| format!("{}: {}\n{text}", case.place, case.line))
}

fn value(said: &Said, part: Part) -> String {
    match part {
        Part::Status => said.code.map_or("a signal".into(), |code| code.to_string()),
        Part::Stdout => normalise(&said.stdout),
        Part::Stderr => normalise(&said.stderr),
    }
}

#[test]
fn a_difference_is_listed_and_a_listed_one_is_there() {
    let said = |stderr: &str| Said { stdout: String::new(), stderr: stderr.into(), code: Some(1) };
    let case = |differs: &[Part]| Case {
        place: "a.txt:1".into(),
        script: String::new(),
        line: "docker run".into(),
        differs: differs.to_vec(),
        may_differ: vec![Part::Status],
    };
    let fault = |listed: &[Part], docker, ours| fault(&case(listed), &said(docker), &said(ours));
    assert_eq!(fault(&[], "same", "same"), None);
    assert_eq!(fault(&[Part::Stderr], "one", "other"), None);
    assert!(fault(&[], "one", "other").is_some());
    assert!(fault(&[Part::Stderr], "same", "same").is_some());
    assert!(fault(&[Part::Stdout], "one", "other").is_some());
    let ended = self::fault(&case(&[]), &Said { code: Some(2), ..said("") }, &said(""));
    assert_eq!(ended, None, "one that may differ");
}
