//! v1: a tree for each controller, and the group in every tree that is mounted.
//!
//! Also in those that limit nothing: a container sees the whole tree, the host's groups and their processes, wherever it is
//! at the top.

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
use crate::directory::{Directory, FileError};
use crate::error::CgroupError;
use crate::fresh::fresh;
use crate::killer::Killer;
use crate::layout::{Hierarchy, Layout};
use crate::leave::{self, Members, kill_members};
use crate::limits::{Limits, wish};
use crate::oom::OomWatch;
use crate::stats::{Stats, number_of};

/// The controllers that we use.
const ALL: [&str; 12] = [
    "pids", "memory", "cpu", "cpuacct", "cpuset", "blkio", "devices", "hugetlb", "freezer", "rdma", "net_cls",
    "net_prio",
];
/// How long processes may take to stand still. One that waits for a disk stops after the disk has answered.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Group {
    places: Vec<Place>,
    /// Where its processes are in the other trees: somebody else's groups, to enter and no more.
    beside: Vec<Directory>,
}

/// The group in one tree. Controllers that are mounted together share it; a tree with a name has none.
#[derive(Debug)]
struct Place {
    controllers: Vec<&'static str>,
    directory: Directory,
}

impl Group {
    pub(crate) fn create(
        layout: &Layout,
        path: &Path,
        limits: &Limits,
        accounts: &[&'static str],
    ) -> Result<Self, CgroupError> {
        if let Some((name, _)) = limits.unified.first_key_value() {
            return Err(CgroupError::Setting { name: name.clone(), reason: "this machine has cgroup v1" });
        }
        let wanted = limits.controllers();
        for controller in wanted.iter().chain(accounts) {
            layout.v1_mount(controller).ok_or_else(|| missing(controller, "mounted on this machine"))?;
        }
        let mut group = Self { places: Vec::new(), beside: Vec::new() };
        let mut trees = layout.v1_trees().iter();
        let done = trees.try_for_each(|tree| group.enter_tree(tree, path));
        let done = done.and_then(|()| wanted.iter().try_for_each(|controller| group.set_one(controller, limits)));
        if done.is_err() {
            // The first error is the news; what was made goes.
            let _ = group.remove();
        }
        done.map(|()| group)
    }

    /// Makes the group in one more tree.
    fn enter_tree(&mut self, tree: &Hierarchy, path: &Path) -> Result<(), CgroupError> {
        let group = tree.mount.join(path);
        self.places.push(Place { controllers: known(tree), directory: fresh(&group)? });
        if tree.has("cpuset") { cpuset::inherit(&tree.mount, &group) } else { Ok(()) }
    }

    /// In the trees by which processes are counted, stopped and ended; not in those that a process would have to be let
    /// into. Several may make it at once.
    pub(crate) fn shared(layout: &Layout, path: &Path) -> Result<Self, CgroupError> {
        const LIMIT: [&str; 3] = ["cpuset", "devices", "hugetlb"];
        let trees = layout.v1_trees().iter().filter(|tree| !LIMIT.iter().any(|controller| tree.has(controller)));
        let place = |tree: &Hierarchy| {
            let directory = Directory::shared(tree.mount.join(path))?;
            Ok(Place { controllers: known(tree), directory })
        };
        Ok(Self { places: trees.map(place).collect::<Result<_, FileError>>()?, beside: Vec::new() })
    }

    /// The group as far as it exists, to look at it or to remove it.
    pub(crate) fn open(layout: &Layout, path: &Path) -> Self {
        let place = |tree: &Hierarchy| {
            let directory = Directory::open(tree.mount.join(path)).ok()?;
            Some(Place { controllers: known(tree), directory })
        };
        Self { places: layout.v1_trees().iter().filter_map(place).collect(), beside: Vec::new() }
    }

    /// In the freezer's tree, or else in the first.
    pub(crate) fn part(&self, name: &str) -> Result<Self, CgroupError> {
        let freezer = self.places.iter().position(|place| place.controllers.contains(&"freezer")).unwrap_or(0);
        let (mut places, mut beside) = (Vec::new(), Vec::new());
        for (index, place) in self.places.iter().enumerate() {
            let path = place.directory.path();
            if index == freezer {
                let directory = fresh(&path.join(name))?;
                places.push(Place { controllers: place.controllers.clone(), directory });
            } else {
                beside.push(Directory::open(path.into())?);
            }
        }
        for directory in &self.beside {
            beside.push(Directory::open(directory.path().into())?);
        }
        Ok(Self { places, beside })
    }

    pub(crate) fn killer(&self) -> Result<Killer, CgroupError> {
        let place = self.places.first().ok_or_else(|| missing("freezer", "mounted on this machine"))?;
        let members = place.directory.file("cgroup.procs", OFlag::O_RDONLY)?;
        let freezer = self.get("freezer").map(|freezer| freezer.file("freezer.state", OFlag::O_RDWR)).transpose()?;
        Ok(Killer { at_once: None, members, freezer: freezer.map(|file| (file, "FROZEN", "THAWED")) })
    }

    pub(crate) fn is_frozen(&self) -> Result<bool, CgroupError> {
        let state = self.get("freezer").map(|freezer| freezer.read("freezer.state")).transpose()?;
        Ok(state.is_some_and(|state| state.trim() != "THAWED"))
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
        let door = |group: &Directory| Ok((group.path().join("tasks"), group.file("tasks", OFlag::O_WRONLY)?));
        self.places.iter().map(|place| &place.directory).chain(&self.beside).map(door).collect()
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
        let directory = self.get(controller).ok_or_else(|| missing(controller, "used by this group"))?;
        settings::set(directory, controller, limits)
    }

    /// Stops every process of the group.
    pub(crate) fn freeze(&self) -> Result<(), CgroupError> {
        let freezer = self.get("freezer").ok_or_else(|| CgroupError::Missing {
            what: "stopping a group",
            controller: "freezer".into(),
            place: "mounted on this machine".into(),
        })?;
        freezer.write("freezer.state", "FROZEN")?;
        // FREEZING: some process is in the middle of something. This file knows no poll, so the processor is left to them.
        let until = Instant::now() + PATIENCE;
        while freezer.read("freezer.state")?.trim() != "FROZEN" {
            if Instant::now() > until {
                freezer.write("freezer.state", "THAWED")?;
                return Err(CgroupError::Wait {
                    group: freezer.path().into(),
                    state: "frozen",
                    errno: Errno::ETIMEDOUT,
                });
            }
            sched_yield();
        }
        Ok(())
    }

    pub(crate) fn thaw(&self) -> Result<(), CgroupError> {
        self.get("freezer").map_or(Ok(()), |freezer| Ok(freezer.write("freezer.state", "THAWED")?))
    }

    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        kill_members(self)
    }

    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        Ok(leave::remove(self.places.iter().map(|place| place.directory.path()))?)
    }

    fn memory(&self) -> Result<&Directory, CgroupError> {
        self.get("memory").ok_or_else(|| CgroupError::Missing {
            what: "watching memory",
            controller: "memory".into(),
            place: "used by this group".into(),
        })
    }

    pub(crate) fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        let memory = self.memory()?;
        let failed = |errno| CgroupError::Wait { group: memory.path().into(), state: "out of memory", errno };
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(failed)?;
        let control = memory.file("memory.oom_control", OFlag::O_RDONLY)?;
        // "Raise this descriptor when something happens to that one."
        memory.write("cgroup.event_control", &format!("{} {}", event.as_raw_fd(), control.as_raw_fd()))?;
        Ok(OomWatch::event(event, control, memory.path()))
    }

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

    /// A container that may mount can have frozen groups of its own below. Who is frozen there does not even hear
    /// `SIGKILL`, and would be waited for without end.
    fn let_go(&self) -> Result<(), CgroupError> {
        self.thaw()?;
        Ok(self.get("freezer").map_or(Ok(()), thaw_below)?)
    }
}

/// Every group below. One that has gone meanwhile has nobody in it.
fn thaw_below(group: &Directory) -> Result<(), FileError> {
    for child in group.children() {
        let thawed = Directory::open(child).and_then(|child| {
            child.write("freezer.state", "THAWED")?;
            thaw_below(&child)
        });
        if let Err(error) = thawed
            && !error.is_gone()
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Those of its controllers that we use.
fn known(tree: &Hierarchy) -> Vec<&'static str> {
    ALL.into_iter().filter(|name| tree.has(name)).collect()
}

fn missing(controller: &str, place: &str) -> CgroupError {
    CgroupError::Missing { what: wish(controller), controller: controller.into(), place: place.into() }
}
