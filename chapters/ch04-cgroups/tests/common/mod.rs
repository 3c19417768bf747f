//! Groups that go with their test, and processes in them, made by a plain fork: a hole in chapter 1 must not fail this
//! chapter. The same test runs on v1 and on v2; [`Bench::shown`] knows both names of a file.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use cgroups::{Cgroup, CgroupError, Layout, Limits};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe};
use process::sys::exit_now;
use testkit::{Host, Need, require};

pub(crate) const MIB: i64 = 1 << 20;

/// This machine's hierarchies, and a corner in each for one test. Everything in there ends with it.
pub(crate) struct Bench {
    pub(crate) layout: Layout,
    corner: PathBuf,
}

impl Bench {
    /// Ends the test as skipped if a controller (by its v1 name) is missing.
    pub(crate) fn new(host: &Host, controllers: &[&'static str]) -> Self {
        let layout = Layout::detect().expect("control groups");
        for controller in controllers {
            match (&layout, *controller) {
                // A program of ours, and numbers that are always there.
                (Layout::V2(_), "devices" | "cpuacct" | "freezer") => {}
                (Layout::V2(_), "blkio") => require(Need::CgroupV2("io")),
                (Layout::V2(_), name) => require(Need::CgroupV2(name)),
                (Layout::V1(..), name) => require(Need::CgroupV1(name)),
            }
        }
        Self { layout, corner: host.cgroup_name().into() }
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.layout, Layout::V2(_))
    }

    /// The path of a group called `name`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new("/").join(&self.corner).join(name)
    }

    pub(crate) fn group(&self, limits: &Limits) -> Cgroup {
        self.try_group(limits).expect("a group")
    }

    pub(crate) fn try_group(&self, limits: &Limits) -> Result<Cgroup, CgroupError> {
        Cgroup::create(&self.layout, &self.path("box"), limits)
    }

    /// What a file of the group says, seen by us and not by the library. `v1` is `memory.limit_in_bytes`.
    pub(crate) fn shown(&self, group: &Cgroup, v1: &str, v2: &str) -> String {
        let name = if self.is_v2() { v2 } else { v1 };
        let found = group.paths().into_iter().map(|path| path.join(name)).find(|path| path.exists());
        let Some(path) = found else { return format!("no {name} in {:?}", group.paths()) };
        fs::read_to_string(path).map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
    }

    /// Where the hierarchies are mounted.
    fn mounts(&self) -> Vec<PathBuf> {
        match &self.layout {
            Layout::V2(mount) => vec![mount.clone()],
            Layout::V1(trees, _) => trees.iter().map(|tree| tree.mount.clone()).collect(),
        }
    }

    /// In which hierarchies the group exists, by the names of their mount points.
    pub(crate) fn directories(&self) -> Vec<String> {
        self.named(|mount| mount.join(&self.corner).join("box").exists())
    }

    /// All hierarchies, by the names of their mount points.
    pub(crate) fn trees(&self) -> Vec<String> {
        self.named(|_| true)
    }

    fn named(&self, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
        let name = |mount: &PathBuf| mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut found: Vec<String> = self.mounts().iter().filter(|mount| wanted(mount)).map(name).collect();
        found.sort();
        found
    }

    /// The same error message on every machine: paths and names that differ are replaced.
    pub(crate) fn anonymous(&self, text: &str) -> String {
        text.replace(&self.corner.to_string_lossy().into_owned(), "CORNER")
    }
}

/// Without the library, whose holes must not fail other tests: a kernel test is PID 1, and can end all others.
impl Drop for Bench {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        for mount in self.mounts() {
            let _ = fs::write(mount.join(&self.corner).join("box/freezer.state"), "THAWED");
            // A wrong answer may have put us there. v2's top is closed to nobody.
            if fs::read_to_string(mount.join(&self.corner).join("box/cgroup.procs"))
                .is_ok_and(|list| list.lines().any(|pid| pid == "1"))
            {
                let _ = fs::write(mount.join("cgroup.procs"), "1");
            }
        }
        while waitpid(None::<Pid>, None).is_ok() {}
        self.mounts().iter().for_each(|mount| remove(&mount.join(&self.corner)));
    }
}

fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // All have ended; one may not have left the processor yet.
    while fs::remove_dir(directory).is_err_and(|error| error.kind() == std::io::ErrorKind::ResourceBusy) {
        let _ = nix::sched::sched_yield();
    }
}

/// A process in a group. It ends, at the latest, with its bench.
pub(crate) struct Inmate {
    pid: Pid,
    hear: File,
    waited: bool,
}

impl Inmate {
    /// Forks, and puts the child into `group` before it runs `inside`, which may write to us.
    #[allow(unsafe_code, reason = "fork in a process with one thread")]
    pub(crate) fn new(group: &Cgroup, inside: impl FnOnce(&mut File)) -> Self {
        let (hear, say) = pipe().expect("a pipe");
        let (hold, door) = pipe().expect("a pipe");
        // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Child => {
                drop((hear, door));
                // Until the parent lets go of the other end.
                let _ = File::from(hold).read(&mut [0]);
                inside(&mut File::from(say));
                exit_now(0)
            }
            ForkResult::Parent { child: pid } => {
                drop((say, hold));
                let inmate = Self { pid, hear: hear.into(), waited: false };
                group.add(pid).expect("a process moved into the group");
                drop(door);
                inmate
            }
        }
    }

    /// One that does nothing until it is killed.
    pub(crate) fn idle(group: &Cgroup) -> Self {
        Self::new(group, |_| wait_for_ever())
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// What it says up to the end of a line.
    pub(crate) fn line(&mut self) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        loop {
            self.hear.read_exact(&mut byte).expect("a line from the inmate");
            match byte[0] {
                b'\n' => return String::from_utf8(text).expect("text"),
                letter => text.push(letter),
            }
        }
    }

    /// How it ended.
    pub(crate) fn end(&mut self) -> WaitStatus {
        self.waited = true;
        waitpid(self.pid, None).expect("an inmate that can be waited for")
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        if !self.waited {
            // Not waited for: it may be frozen. The bench reaps it.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

/// Sleeps until a signal ends this process.
pub(crate) fn wait_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Forks a child that runs `inside` and ends. In the parent, the child's number or the error.
#[allow(unsafe_code, reason = "fork in a process with one thread")]
pub(crate) fn fork_child(inside: impl FnOnce()) -> nix::Result<Pid> {
    // SAFETY: fork(2). Only called in processes that have one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            inside();
            exit_now(0)
        }
        ForkResult::Parent { child } => Ok(child),
    }
}

/// Whether `file` becomes readable within `milliseconds`.
pub(crate) fn readable(file: &impl AsFd, milliseconds: u16) -> bool {
    poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], PollTimeout::from(milliseconds)) == Ok(1)
}

/// Whether `pid` is in each directory of the group, by the group's own list.
pub(crate) fn is_member(group: &Cgroup, pid: Pid) -> bool {
    group.paths().iter().all(|path| {
        let list = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
        list.lines().any(|line| line == pid.to_string())
    })
}

/// One field of `/proc/PID/status`.
pub(crate) fn status(pid: Pid, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

/// An error as the command line prints it.
pub(crate) fn printed(error: CgroupError) -> String {
    let failure = process::Failure::from(error);
    match failure.hint {
        Some(hint) => format!("Error: {}\nhint: {hint}", failure.message),
        None => format!("Error: {}", failure.message),
    }
}
