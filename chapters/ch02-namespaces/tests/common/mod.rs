//! Processes that go somewhere, say one thing and stay, so that a test can look at them from outside. An [`Inmate`] is
//! made by a plain fork, for the judges of exercises: a hole in chapter 1 must not fail chapter 2. A [`Resident`] is
//! made as containers are, by `Spawn`.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use namespaces::{IdMap, Kind, Namespaces, write_maps};
use nix::sys::prctl::set_dumpable;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, pipe, setgroups, setresgid, setresuid};
use process::{Child, Failure, Program, Spawn};

/// A child that lives until it is dropped.
pub(crate) struct Inmate {
    pid: Pid,
    said: String,
    door: Option<File>,
}

impl Inmate {
    /// Forks; the child runs `inside` and reports what that returns.
    ///
    /// # Panics
    /// If `inside` does: its message is printed before.
    #[allow(unsafe_code, reason = "fork in a process with one thread")]
    pub(crate) fn new(inside: impl FnOnce() -> String) -> Self {
        let (hear, say) = pipe().expect("a pipe");
        let (hold, door) = pipe().expect("a pipe");
        // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Child => {
                drop((hear, door));
                let said =
                    catch_unwind(AssertUnwindSafe(inside)).map_or_else(|_| "!".into(), |said| format!("={said}"));
                let _ = File::from(say).write_all(said.as_bytes());
                // Until the parent lets go of the other end.
                let _ = File::from(hold).read(&mut [0]);
                std::process::exit(0)
            }
            ForkResult::Parent { child: pid } => {
                drop((say, hold));
                let mut said = String::new();
                File::from(hear).read_to_string(&mut said).expect("what the inmate says");
                // Made before the verdict, so that a failed inmate is let go too.
                let mut inmate = Self { pid, said: String::new(), door: Some(File::from(door)) };
                let text = said.strip_prefix('=').expect("an inmate that did not fail: what it said is above");
                inmate.said.push_str(text);
                inmate
            }
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Its namespace of `kind`, as the kernel names it: `uts:[4026531838]`.
    pub(crate) fn link(&self, kind: Kind) -> String {
        link(self.pid, kind.proc_name())
    }

    /// A file of its `/proc` directory, read by us.
    pub(crate) fn proc(&self, file: &str) -> String {
        proc(self.pid, file)
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        drop(self.door.take());
        let _ = waitpid(self.pid, None);
    }
}

/// A child by `clone3` whose namespaces are as planned, and which became `sleep`. It lives until it is dropped.
pub(crate) struct Resident {
    child: Child,
    said: String,
}

impl Resident {
    /// With `ids` for both users and groups if the plan has a new user namespace.
    ///
    /// # Panics
    /// If a step fails.
    pub(crate) fn new(
        plan: &Namespaces,
        ids: Option<&IdMap>,
        inside: impl FnOnce() -> Result<String, Failure>,
    ) -> Self {
        Self::try_new(plan, ids, inside).expect("a resident")
    }

    pub(crate) fn try_new(
        plan: &Namespaces,
        ids: Option<&IdMap>,
        inside: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Self, Failure> {
        let (hear, say) = pipe().expect("a pipe");
        let visit = plan.join_before_clone()?;
        let pending = Spawn::new().namespaces(plan.clone_flags()).start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            plan.join()?;
            File::from(say.try_clone().expect("dup")).write_all(inside()?.as_bytes()).expect("a pipe to the test");
            Ok(Program::new(&["sleep", "1000"], &["PATH=/usr/bin:/bin"])?.exec()?)
        })?;
        visit.end()?;
        drop(say);
        if let Some(ids) = ids {
            write_maps(pending.pid(), ids, ids)?;
        }
        let child = pending.release()?;
        let mut said = String::new();
        File::from(hear).read_to_string(&mut said).expect("what the resident says");
        Ok(Self { child, said })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }

    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn link(&self, kind: Kind) -> String {
        link(self.pid(), kind.proc_name())
    }

    pub(crate) fn proc(&self, file: &str) -> String {
        proc(self.pid(), file)
    }
}

/// Where a link in `/proc/PID/ns` leads.
pub(crate) fn link(pid: Pid, name: &str) -> String {
    fs::read_link(link_path(pid, name)).map_or_else(|error| error.to_string(), |to| to.display().to_string())
}

/// The link itself.
pub(crate) fn link_path(pid: Pid, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/ns/{name}"))
}

/// A file of `/proc/PID`, without space around it.
pub(crate) fn proc(pid: Pid, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}"))
        .map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
}

/// One field of `/proc/PID/status`, its columns separated by one space.
pub(crate) fn status(pid: Pid, field: &str) -> String {
    let text = proc(pid, "status");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    columns(line.unwrap_or_default())
}

/// Numbers in columns, separated by one space.
pub(crate) fn columns(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Becomes an ordinary user for good, one whose `/proc` directory is still its own.
pub(crate) fn become_user(id: u32) {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    setgroups(&[]).expect("setgroups");
    setresgid(group, group, group).expect("setresgid");
    setresuid(user, user, user).expect("setresuid");
    set_dumpable(true).expect("prctl(PR_SET_DUMPABLE)");
}
