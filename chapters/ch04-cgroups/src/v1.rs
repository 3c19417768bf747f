//! v1: a tree for each controller, and the group in each tree that is asked for.

mod counters;
mod settings;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::eventfd::{EfdFlags, EventFd};
use rustix::thread::sched_yield;

use crate::cpuset;
use crate::directory::{Directory, create_all};
use crate::error::CgroupError;
use crate::fresh::fresh;
use crate::layout::Layout;
use crate::leave::{self, Members, kill_members};
use crate::limits::{Limits, wish};
use crate::oom::OomWatch;
use crate::stats::{Stats, number_of};

/// Trees in which a group without limits can be, so that its processes can be found: the cheapest first.
const FOR_FINDING: [&str; 4] = ["pids", "freezer", "devices", "memory"];
/// All that we use.
const ALL: [&str; 9] = ["pids", "memory", "cpu", "cpuacct", "cpuset", "blkio", "devices", "hugetlb", "freezer"];
/// How long processes may take to stand still. One that waits for a disk stops after the disk has answered.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Group {
    places: Vec<Place>,
    /// Where the group of the freezer's tree is, or would be: it is made on the first freeze.
    freezer: Option<PathBuf>,
}

/// The group in one tree. Controllers that are mounted together share it.
#[derive(Debug)]
struct Place {
    controllers: Vec<&'static str>,
    directory: Directory,
}

impl Group {
    // ANCHOR: create_v1
    pub(crate) fn create(
        layout: &Layout,
        path: &Path,
        limits: &Limits,
        accounts: &[&'static str],
    ) -> Result<Self, CgroupError> {
        if let Some((name, _)) = limits.unified.first_key_value() {
            return Err(CgroupError::Setting { name: name.clone(), reason: "this machine has cgroup v1" });
        }
        let mut wanted = limits.controllers();
        wanted.extend(accounts.iter().filter(|name| !limits.controllers().contains(name)));
        if wanted.is_empty() {
            wanted.extend(FOR_FINDING.into_iter().find(|name| layout.v1_mount(name).is_some()));
        }
        let mut group = Self { places: Vec::new(), freezer: freezer(layout, path) };
        for controller in wanted {
            let done = group.enter_tree(layout, path, controller).and_then(|()| group.set_one(controller, limits));
            if let Err(error) = done {
                // The first error is the news; what was made goes.
                group.places.iter().for_each(|place| drop(leave::remove(place.directory.path())));
                return Err(error);
            }
        }
        Ok(group)
    }
    // ANCHOR_END: create_v1

    /// Makes the group in the tree of one more controller.
    fn enter_tree(&mut self, layout: &Layout, path: &Path, controller: &'static str) -> Result<(), CgroupError> {
        let mount = layout.v1_mount(controller).ok_or_else(|| CgroupError::Missing {
            what: wish(controller),
            controller: controller.into(),
            place: "mounted on this machine".into(),
        })?;
        let group = mount.join(path);
        if let Some(place) = self.places.iter_mut().find(|place| place.directory.path() == group) {
            place.controllers.push(controller);
        } else {
            self.places.push(Place { controllers: vec![controller], directory: fresh(&group)? });
        }
        if controller == "cpuset" {
            cpuset::inherit(mount, path)?;
        }
        Ok(())
    }

    /// The group as far as it exists, to look at it or to remove it.
    pub(crate) fn open(layout: &Layout, path: &Path) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for controller in ALL {
            let Some(group) = layout.v1_mount(controller).map(|mount| mount.join(path)) else { continue };
            if let Some(place) = places.iter_mut().find(|place| place.directory.path() == group) {
                place.controllers.push(controller);
            } else if let Ok(directory) = Directory::open(group) {
                places.push(Place { controllers: vec![controller], directory });
            }
        }
        Self { places, freezer: freezer(layout, path) }
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.places.iter().map(|place| place.directory.path().into()).collect()
    }

    fn get(&self, controller: &str) -> Option<&Directory> {
        self.places.iter().find(|place| place.controllers.contains(&controller)).map(|place| &place.directory)
    }

    pub(crate) fn add(&self, pid: i32) -> Result<(), CgroupError> {
        for place in &self.places {
            place.directory.write("cgroup.procs", &pid.to_string())?;
        }
        Ok(())
    }

    /// Files by which one thread can move itself. The kernel takes no lock for that, see [`crate::Entrance`].
    pub(crate) fn doors(&self) -> Result<Vec<(PathBuf, OwnedFd)>, CgroupError> {
        let door =
            |place: &Place| Ok((place.directory.path().join("tasks"), place.directory.file("tasks", OFlag::O_WRONLY)?));
        self.places.iter().map(door).collect()
    }

    pub(crate) fn procs(&self) -> Result<Vec<i32>, CgroupError> {
        Ok(self.places.first().map_or(Ok(Vec::new()), |place| place.directory.procs())?)
    }

    pub(crate) fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        for controller in limits.controllers().into_iter().filter(|name| *name != "devices") {
            self.set_one(controller, limits)?;
        }
        Ok(())
    }

    fn set_one(&self, controller: &str, limits: &Limits) -> Result<(), CgroupError> {
        let directory = self.get(controller).ok_or_else(|| CgroupError::Missing {
            what: wish(controller),
            controller: controller.into(),
            place: "used by this group".into(),
        })?;
        settings::set(directory, controller, limits)
    }

    /// Stops every process of the group. The freezer's group is made on the first call.
    ///
    /// A process that is moved into a freezing group stops on arrival, so each move leaves one fewer that can fork.
    pub(crate) fn freeze(&self) -> Result<(), CgroupError> {
        let path = self.freezer.as_ref().ok_or_else(|| CgroupError::Missing {
            what: "stopping a group",
            controller: "freezer".into(),
            place: "mounted on this machine".into(),
        })?;
        create_all(path)?;
        let freezer = Directory::open(path.clone())?;
        freezer.write("freezer.state", "FROZEN")?;
        loop {
            let inside = freezer.procs()?;
            let outside: Vec<i32> = self.procs()?.into_iter().filter(|pid| !inside.contains(pid)).collect();
            if outside.is_empty() {
                break;
            }
            for pid in outside {
                match freezer.write("cgroup.procs", &pid.to_string()) {
                    Err(error) if error.errno() == Errno::ESRCH => {}
                    other => other?,
                }
            }
        }
        // FREEZING: some process is in the middle of something. This file knows no poll, so the processor is left to them.
        let until = Instant::now() + PATIENCE;
        while freezer.read("freezer.state")?.trim() != "FROZEN" {
            if Instant::now() > until {
                freezer.write("freezer.state", "THAWED")?;
                return Err(CgroupError::Wait { group: path.clone(), state: "frozen", errno: Errno::ETIMEDOUT });
            }
            sched_yield();
        }
        Ok(())
    }

    pub(crate) fn thaw(&self) -> Result<(), CgroupError> {
        match self.freezer.clone().map(Directory::open) {
            Some(Ok(freezer)) => Ok(freezer.write("freezer.state", "THAWED")?),
            // Never frozen.
            _ => Ok(()),
        }
    }

    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        kill_members(self)
    }

    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        let mut first = Ok(());
        let places = self.places.iter().map(|place| place.directory.path());
        for path in places.chain(self.freezer.as_deref()) {
            let removed = leave::remove(path);
            if first.is_ok() {
                first = removed;
            }
        }
        Ok(first?)
    }

    fn memory(&self) -> Result<&Directory, CgroupError> {
        self.get("memory").ok_or_else(|| CgroupError::Missing {
            what: "watching memory",
            controller: "memory".into(),
            place: "used by this group".into(),
        })
    }

    // ANCHOR: oom_watch_v1
    pub(crate) fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        let memory = self.memory()?;
        let failed = |errno| CgroupError::Wait { group: memory.path().into(), state: "out of memory", errno };
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(failed)?;
        let control = memory.file("memory.oom_control", OFlag::O_RDONLY)?;
        // "Raise this descriptor when something happens to that one."
        memory.write("cgroup.event_control", &format!("{} {}", event.as_raw_fd(), control.as_raw_fd()))?;
        Ok(OomWatch::event(event, control, memory.path()))
    }
    // ANCHOR_END: oom_watch_v1

    pub(crate) fn oom_kills(&self) -> Result<u64, CgroupError> {
        Ok(number_of(&self.memory()?.read("memory.oom_control")?, "oom_kill").unwrap_or(0))
    }

    pub(crate) fn stats(&self) -> Stats {
        counters::read(&|controller| self.get(controller))
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
        self.thaw()
    }
}

fn freezer(layout: &Layout, path: &Path) -> Option<PathBuf> {
    layout.v1_mount("freezer").map(|mount| mount.join(path))
}
