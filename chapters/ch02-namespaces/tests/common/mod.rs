//! Processes that go somewhere, say one thing and stay, so that a test can look at them from outside. An [`Inmate`] is
//! made by a plain fork, a [`Resident`] as containers are, by `Spawn`.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;

use namespaces::{IdMap, Kind, Namespaces, write_maps};
use nix::sys::prctl::set_dumpable;
use nix::unistd::{Gid, Pid, Uid, pipe, setgroups, setresgid, setresuid};
use process::{Child, Failure, Program, Spawn};

pub(crate) use testkit::Inmate;

/// Where an inmate is.
pub(crate) trait Links {
    /// Its namespace of `kind`, as the kernel names it: `uts:[4026531838]`.
    fn link(&self, kind: Kind) -> String;
}

impl Links for Inmate {
    fn link(&self, kind: Kind) -> String {
        link(self.pid(), kind.proc_name())
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
            Ok(Program::new(&["sleep", "1000"], &["PATH=/usr/bin:/bin"])?.exec(gate)?)
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
