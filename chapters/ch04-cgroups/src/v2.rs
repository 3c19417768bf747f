//! v2: one tree, files named `controller.what`, and controllers that a parent has to hand down.

mod counters;
mod settings;

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use process::sys;

use crate::bpf::device_program;
use crate::device::DeviceRule;
use crate::directory::{Directory, FileError, create_all};
use crate::error::CgroupError;
use crate::fresh::fresh;
use crate::killer::Killer;
use crate::leave::{self, Members, kill_members};
use crate::limits::{Limits, wish};
use crate::oom::OomWatch;
use crate::stats::{Stats, number_of};

/// `<linux/bpf.h>`.
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

/// How long processes may take to stand still, or to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Group(Directory);

impl Group {
    pub(crate) fn create(mount: &Path, path: &Path, limits: &Limits, accounts: &[&str]) -> Result<Self, CgroupError> {
        // Devices are a program of ours, and processor time is counted everywhere: neither is handed down.
        let mut wanted: Vec<&str> = limits.controllers().into_iter().filter(|name| *name != "devices").collect();
        wanted.extend(accounts.iter().filter(|name| **name != "cpuacct"));
        let wanted: Vec<&str> = wanted.into_iter().map(v2_name).collect();
        let group = mount.join(path);
        if let Some(parent) = group.parent() {
            hand_down(mount, parent, &wanted)?;
        }
        let group = Self(fresh(&group)?);
        if let Err(error) = group.set_first(limits) {
            // The first error is the news; what was made goes.
            let _ = group.remove();
            return Err(error);
        }
        Ok(group)
    }

    /// Several may make it at once.
    pub(crate) fn shared(mount: &Path, path: &Path) -> Result<Self, CgroupError> {
        Ok(Self(Directory::shared(mount.join(path))?))
    }

    pub(crate) fn open(mount: &Path, path: &Path) -> Result<Self, CgroupError> {
        Ok(Self(Directory::open(mount.join(path))?))
    }

    pub(crate) fn part(&self, name: &str) -> Result<Self, CgroupError> {
        Ok(Self(fresh(&self.0.path().join(name))?))
    }

    pub(crate) fn killer(&self) -> Result<Killer, CgroupError> {
        Ok(Killer {
            at_once: self.0.file("cgroup.kill", OFlag::O_WRONLY).ok(),
            members: self.0.file("cgroup.procs", OFlag::O_RDONLY)?,
            freezer: self.0.file("cgroup.freeze", OFlag::O_RDWR).ok().map(|file| (file, "1", "0")),
        })
    }

    pub(crate) fn is_frozen(&self) -> Result<bool, CgroupError> {
        Ok(self.0.read("cgroup.events")?.lines().any(|line| line == "frozen 1"))
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        vec![self.0.path().into()]
    }

    /// A second descriptor of the directory, for `CLONE_INTO_CGROUP`.
    pub(crate) fn descriptor(&self) -> Result<OwnedFd, CgroupError> {
        Ok(self.0.file(".", OFlag::O_RDONLY | OFlag::O_DIRECTORY)?)
    }

    pub(crate) fn add(&self, pid: i32) -> Result<(), CgroupError> {
        Ok(self.0.write("cgroup.procs", &pid.to_string())?)
    }

    pub(crate) fn doors(&self) -> Result<Vec<(PathBuf, OwnedFd)>, CgroupError> {
        Ok(vec![(self.0.path().join("cgroup.procs"), self.0.file("cgroup.procs", OFlag::O_WRONLY)?)])
    }

    pub(crate) fn procs(&self) -> Result<Vec<i32>, CgroupError> {
        Ok(self.0.procs()?)
    }

    pub(crate) fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        settings::set(&self.0, limits)
    }

    /// The same for a group that is in use, and may have been made without these controllers.
    pub(crate) fn update(&self, limits: &Limits) -> Result<(), CgroupError> {
        let path = self.0.path();
        let have = self.0.read("cgroup.controllers")?;
        let asked = limits.controllers().into_iter().filter(|name| *name != "devices").map(v2_name);
        let missing: Vec<&str> = asked.filter(|name| !have.split_whitespace().any(|have| have == *name)).collect();
        let top = path.ancestors().take_while(|above| above.join("cgroup.controllers").exists()).last();
        if let (Some(top), Some(parent)) = (top, path.parent()) {
            hand_down(top, parent, &missing)?;
        }
        self.set(limits)
    }

    /// All limits of a new group: those that can be changed later, and the devices.
    fn set_first(&self, limits: &Limits) -> Result<(), CgroupError> {
        self.set(limits)?;
        if limits.controllers().contains(&"devices") { self.set_devices(&limits.devices) } else { Ok(()) }
    }

    // ANCHOR: set_devices
    fn set_devices(&self, rules: &[DeviceRule]) -> Result<(), CgroupError> {
        let refused = |action| move |errno| CgroupError::Devices { action, errno };
        let program = device_program(rules);
        let program =
            sys::bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, &program, c"Apache-2.0").map_err(refused("load"))?;
        sys::bpf_prog_attach(BPF_CGROUP_DEVICE, program.as_fd(), self.0.as_fd(), BPF_F_ALLOW_MULTI)
            .map_err(refused("attach"))
    }
    // ANCHOR_END: set_devices

    pub(crate) fn freeze(&self) -> Result<(), CgroupError> {
        self.0.write("cgroup.freeze", "1")?;
        self.wait_for("frozen 1", "frozen")
    }

    pub(crate) fn thaw(&self) -> Result<(), CgroupError> {
        self.0.write("cgroup.freeze", "0")?;
        self.wait_for("frozen 0", "thawed")
    }

    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        match self.0.write("cgroup.kill", "1") {
            Ok(()) => or_gone(self.wait_for("populated 0", "empty")),
            // Before Linux 5.14; or the group is gone, and with it everybody in it.
            Err(error) if error.is_gone() => self.kill_one_by_one(),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn kill_one_by_one(&self) -> Result<(), CgroupError> {
        kill_members(self)
    }

    /// Waits until `cgroup.events` has this line. The kernel says when the file changes (`POLLPRI`), so nobody asks
    /// twice for nothing.
    fn wait_for(&self, line: &str, state: &'static str) -> Result<(), CgroupError> {
        const FILE: &str = "cgroup.events";
        let failed = |errno| CgroupError::Wait { group: self.0.path().into(), state, errno };
        let until = Instant::now() + PATIENCE;
        let events = self.0.file(FILE, OFlag::O_RDONLY)?;
        while !self.0.read_from(&events, FILE)?.lines().any(|have| have == line) {
            let left = PollTimeout::try_from(until.saturating_duration_since(Instant::now()));
            match poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], left.unwrap_or(PollTimeout::MAX)) {
                Ok(0) => return Err(failed(Errno::ETIMEDOUT)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(())
    }

    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        Ok(leave::remove([self.0.path()])?)
    }

    pub(crate) fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        let events = self.memory_file("memory.events")?;
        OomWatch::file(events, self.0.path())
    }

    pub(crate) fn oom_kills(&self) -> Result<u64, CgroupError> {
        let events = self.memory_file("memory.events")?;
        Ok(number_of(&self.0.read_from(&events, "memory.events")?, "oom_kill").unwrap_or(0))
    }

    fn memory_file(&self, name: &str) -> Result<OwnedFd, CgroupError> {
        self.0.file(name, OFlag::O_RDONLY).map_err(|error| match error.errno() {
            Errno::ENOENT => CgroupError::Missing {
                what: "watching memory",
                controller: "memory".into(),
                place: "used by this group".into(),
            },
            _ => error.into(),
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        counters::read(&self.0)
    }
}

impl Members for Group {
    fn list(&self) -> Result<Vec<i32>, CgroupError> {
        self.procs()
    }

    fn hold(&self) -> Result<(), CgroupError> {
        self.freeze()
    }

    fn let_go(&self) -> Result<(), CgroupError> {
        or_gone(self.thaw())
    }
}

/// A group that somebody else has removed meanwhile has nobody in it: all that was wanted.
fn or_gone(done: Result<(), CgroupError>) -> Result<(), CgroupError> {
    match done {
        Err(CgroupError::File(error)) if error.is_gone() => Ok(()),
        other => other,
    }
}

/// v2 renamed one controller.
fn v2_name(v1: &str) -> &str {
    if v1 == "blkio" { "io" } else { v1 }
}

/// Switches controllers on for the children of `parent`. Where `parent` does not have them itself, or does not exist, its
/// own parent is asked first: usually all is as the last container left it, and one write is enough.
fn hand_down(mount: &Path, parent: &Path, controllers: &[&str]) -> Result<(), CgroupError> {
    if controllers.is_empty() {
        return Ok(());
    }
    // ANCHOR: hand_down
    let list: Vec<String> = controllers.iter().map(|name| format!("+{name}")).collect();
    let write = || Directory::open(parent.into())?.write("cgroup.subtree_control", &list.join(" "));
    let above = parent.parent().filter(|_| parent != mount);
    match (write(), above) {
        (Err(error), Some(above)) if error.errno() == Errno::ENOENT => {
            hand_down(mount, above, controllers)?;
            create_all(parent)?;
            write().map_err(|error| refused(error, parent, controllers))
        }
        (done, _) => done.map_err(|error| refused(error, parent, controllers)),
    }
    // ANCHOR_END: hand_down
}

/// What the kernel's one word means here.
fn refused(error: FileError, parent: &Path, controllers: &[&str]) -> CgroupError {
    let have = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
    let missing = controllers.iter().find(|name| !have.split_whitespace().any(|have| have == **name));
    match (error.errno(), missing) {
        (Errno::ENOENT | Errno::EINVAL, Some(controller)) => CgroupError::Missing {
            what: wish(controller),
            controller: (*controller).into(),
            place: format!("in {}", parent.join("cgroup.controllers").display()),
        },
        (Errno::EBUSY, _) => CgroupError::Occupied { group: parent.into() },
        _ => error.into(),
    }
}
