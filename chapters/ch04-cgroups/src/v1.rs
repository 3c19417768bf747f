//! v1: a tree for each controller, and the group in each tree that is asked for.

use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::cgroup::CgroupError;
use crate::device::DeviceRule;
use crate::directory::Directory;
use crate::layout::Layout;
use crate::limits::{DeviceRate, Limits};
use crate::oom::OomWatch;
use crate::stats::{Stats, number, number_of};

/// Trees in which a group without limits can be, so that its processes can be found: the cheapest first.
const FOR_FINDING: [&str; 4] = ["pids", "freezer", "devices", "memory"];

#[derive(Debug)]
pub(crate) struct Group {
    /// By controller.
    directories: Vec<(&'static str, Directory)>,
    /// Where the freezer's tree is: the group is made there only when it is needed.
    freezer: Option<PathBuf>,
}

impl Group {
    // ANCHOR: create_v1
    pub(crate) fn create(layout: &Layout, path: &Path, limits: &Limits) -> Result<Self, CgroupError> {
        let mut wanted = limits.controllers();
        if wanted.is_empty() {
            wanted.extend(FOR_FINDING.into_iter().find(|name| layout.v1_mount(name).is_some()));
        }
        let mut group =
            Self { directories: Vec::new(), freezer: layout.v1_mount("freezer").map(|mount| mount.join(path)) };
        for controller in wanted {
            let mount = layout
                .v1_mount(controller)
                .ok_or_else(|| CgroupError::Missing { what: "this limit", controller: controller.to_owned() })?;
            let made = make(mount, path, controller);
            let set = made.and_then(|directory| {
                group.directories.push((controller, directory));
                group.set_one(controller, limits)
            });
            if let Err(error) = set {
                // The first error is the news; what was made goes.
                let _ = group.remove();
                return Err(error);
            }
        }
        Ok(group)
    }
    // ANCHOR_END: create_v1

    /// The group as far as it exists, to look at it or to remove it.
    pub(crate) fn open(layout: &Layout, path: &Path) -> Self {
        const ALL: [&str; 8] = ["memory", "cpu", "cpuset", "pids", "blkio", "devices", "hugetlb", "freezer"];
        let directories = ALL
            .into_iter()
            .filter_map(|name| Some((name, Directory::open(layout.v1_mount(name)?.join(path)).ok()?)))
            .collect();
        Self { directories, freezer: layout.v1_mount("freezer").map(|mount| mount.join(path)) }
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.directories.iter().map(|(_, directory)| directory.path().into()).collect()
    }

    fn get(&self, controller: &str) -> Option<&Directory> {
        self.directories.iter().find(|(name, _)| *name == controller).map(|(_, directory)| directory)
    }

    pub(crate) fn add(&self, pid: i32) -> Result<(), CgroupError> {
        for (_, directory) in &self.directories {
            directory.write("cgroup.procs", &pid.to_string())?;
        }
        Ok(())
    }

    /// Every process of the group and of the groups below.
    pub(crate) fn procs(&self) -> Result<Vec<i32>, CgroupError> {
        self.directories.first().map_or(Ok(Vec::new()), |(_, directory)| procs_below(directory))
    }

    pub(crate) fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        for controller in limits.controllers() {
            if self.get(controller).is_none() {
                return Err(CgroupError::Missing { what: "this limit", controller: controller.into() });
            }
            self.set_one(controller, limits)?;
        }
        Ok(())
    }

    fn set_one(&self, controller: &str, limits: &Limits) -> Result<(), CgroupError> {
        let Some(directory) = self.get(controller) else { return Ok(()) };
        match controller {
            "memory" => set_memory(directory, limits),
            "cpu" => set_cpu(directory, limits),
            "cpuset" => set_cpuset(directory, limits),
            "pids" => {
                let limit = limits.pids.filter(|limit| *limit >= 0);
                Ok(directory.write("pids.max", &limit.map_or("max".into(), |limit| limit.to_string()))?)
            }
            "blkio" => set_block_io(directory, limits),
            "devices" => set_devices(directory, &limits.devices),
            "hugetlb" => limits.huge_pages.iter().try_for_each(|pages| {
                let name = format!("hugetlb.{}.limit_in_bytes", pages.page_size);
                Ok(directory.write(&name, &pages.limit.to_string())?)
            }),
            _ => Ok(()),
        }
    }

    /// Stops, or lets go, every process of the group. The freezer's group is made on the first call.
    pub(crate) fn freeze(&self, freeze: bool) -> Result<(), CgroupError> {
        let path = self
            .freezer
            .as_ref()
            .ok_or_else(|| CgroupError::Missing { what: "pausing", controller: "freezer".into() })?;
        std::fs::create_dir_all(path).map_err(|error| CgroupError::Wait {
            group: path.clone(),
            errno: Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        })?;
        let directory = Directory::open(path.clone())?;
        if freeze {
            for pid in self.procs()? {
                match directory.write("cgroup.procs", &pid.to_string()) {
                    Err(error) if error.errno() == Errno::ESRCH => {}
                    other => other?,
                }
            }
        }
        directory.write("freezer.state", if freeze { "FROZEN" } else { "THAWED" })?;
        // FREEZING means that some process was in the middle of something; writing again asks again.
        while freeze && directory.read("freezer.state")?.trim() != "FROZEN" {
            directory.write("freezer.state", "FROZEN")?;
        }
        Ok(())
    }

    // ANCHOR: kill_v1
    /// Ends every process of the group. There is no call for it, so: signal all, wait until these have ended, look
    /// again; a process that was forked in between is found the next time round.
    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        // ANCHOR: ex_kill
        loop {
            let procs = self.procs()?;
            if procs.is_empty() {
                return Ok(());
            }
            for pid in procs {
                let Some(pid) = Pid::from_raw(pid) else { continue };
                // A process that is gone already cannot be opened: all the better.
                let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
                let _ = pidfd_send_signal(&pidfd, Signal::KILL);
                let _ = poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
            }
        }
        // ANCHOR_END: ex_kill
    }
    // ANCHOR_END: kill_v1

    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        let mut first = Ok(());
        let directories = self.directories.iter().map(|(_, directory)| directory.path());
        for path in directories.chain(self.freezer.as_deref()) {
            let removed = crate::directory::remove_tree(path);
            if first.is_ok() {
                first = removed;
            }
        }
        Ok(first?)
    }

    pub(crate) fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        let directory = self
            .get("memory")
            .ok_or_else(|| CgroupError::Missing { what: "watching memory", controller: "memory".into() })?;
        let failed = |errno| CgroupError::Wait { group: directory.path().into(), errno };
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(failed)?;
        let control = directory.file("memory.oom_control", OFlag::O_RDONLY)?;
        directory.write("cgroup.event_control", &format!("{} {}", event.as_raw_fd(), control.as_raw_fd()))?;
        Ok(OomWatch::new(event.into(), PollFlags::POLLIN, Some(control)))
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |controller: &str, name: &str| {
            self.get(controller).and_then(|directory| directory.read(name).ok()).unwrap_or_default()
        };
        let throttling = read("cpu", "cpu.stat");
        Stats {
            // Where cpu and cpuacct are mounted together, the numbers are in the same directory.
            cpu_usage: number(&read("cpu", "cpuacct.usage")),
            cpu_throttled: number_of(&throttling, "throttled_time"),
            memory_usage: number(&read("memory", "memory.usage_in_bytes")),
            memory_peak: number(&read("memory", "memory.max_usage_in_bytes")),
            memory_inactive_file: number_of(&read("memory", "memory.stat"), "total_inactive_file"),
            oom_kills: number_of(&read("memory", "memory.oom_control"), "oom_kill"),
            pids: number(&read("pids", "pids.current")),
        }
    }
}

fn make(mount: &Path, path: &Path, controller: &str) -> Result<Directory, CgroupError> {
    let mut directory = Directory::open(mount.into())?;
    for component in path.components() {
        let child = directory.child(Path::new(&component))?;
        if controller == "cpuset" {
            // A new cpuset has no processors and no memory, and takes no process before it has both.
            for name in ["cpuset.cpus", "cpuset.mems"] {
                if child.read(name)?.trim().is_empty() {
                    child.write(name, directory.read(name)?.trim())?;
                }
            }
        }
        directory = child;
    }
    Ok(directory)
}

fn procs_below(directory: &Directory) -> Result<Vec<i32>, CgroupError> {
    let text = match directory.read("cgroup.procs") {
        Err(error) if matches!(error.errno(), Errno::ENOENT | Errno::ENODEV) => String::new(),
        other => other?,
    };
    let mut procs: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for child in directory.children() {
        if let Ok(child) = Directory::open(child) {
            procs.extend(procs_below(&child)?);
        }
    }
    Ok(procs)
}

/// The kernel wants memory ≤ memory and swap at every moment, so the one that grows goes first.
fn set_memory(directory: &Directory, limits: &Limits) -> Result<(), CgroupError> {
    let memory = &limits.memory;
    let write_limit =
        || memory.limit.map_or(Ok(()), |limit| directory.write("memory.limit_in_bytes", &limit.to_string()));
    let write_swap = || match memory.swap.map(|swap| directory.write("memory.memsw.limit_in_bytes", &swap.to_string()))
    {
        // A kernel that does not account for swap has no such file, and docker runs without it.
        Some(Err(error)) if error.errno() == Errno::ENOENT => Ok(()),
        Some(other) => other,
        None => Ok(()),
    };
    // On an update that raises both, the old sum is below the new limit.
    if write_limit().is_err() {
        write_swap()?;
        write_limit()?;
    } else {
        write_swap()?;
    }
    if let Some(reservation) = memory.reservation {
        directory.write("memory.soft_limit_in_bytes", &reservation.to_string())?;
    }
    if let Some(swappiness) = memory.swappiness {
        directory.write("memory.swappiness", &swappiness.to_string())?;
    }
    if memory.oom_kill_disable {
        directory.write("memory.oom_control", "1")?;
    }
    Ok(())
}

fn set_cpu(directory: &Directory, limits: &Limits) -> Result<(), CgroupError> {
    let numbers = [
        ("cpu.shares", limits.cpu.shares.map(|shares| shares.to_string())),
        ("cpu.cfs_period_us", limits.cpu.period.map(|period| period.to_string())),
        ("cpu.cfs_quota_us", limits.cpu.quota.map(|quota| quota.to_string())),
    ];
    for (name, text) in numbers {
        if let Some(text) = text {
            directory.write(name, &text)?;
        }
    }
    Ok(())
}

fn set_cpuset(directory: &Directory, limits: &Limits) -> Result<(), CgroupError> {
    for (name, list) in [("cpuset.cpus", &limits.cpu.cpus), ("cpuset.mems", &limits.cpu.mems)] {
        if !list.is_empty() {
            directory.write(name, list)?;
        }
    }
    Ok(())
}

fn set_block_io(directory: &Directory, limits: &Limits) -> Result<(), CgroupError> {
    let io = &limits.block_io;
    // The file's name depends on the disk scheduler.
    let weight = |text: String| {
        let name = if directory.has("blkio.bfq.weight") { "blkio.bfq.weight" } else { "blkio.weight" };
        match directory.write(name, &text) {
            Err(error) if error.errno() == Errno::ENOENT => Err(CgroupError::Missing {
                what: "a block I/O weight",
                controller: "blkio.weight (the BFQ disk scheduler)".into(),
            }),
            other => Ok(other?),
        }
    };
    if let Some(number) = io.weight {
        weight(number.to_string())?;
    }
    for device in &io.device_weights {
        let (major, minor) = device.device;
        weight(format!("{major}:{minor} {}", device.weight))?;
    }
    let rates: [(&[DeviceRate], &str); 4] = [
        (&io.read_bytes, "read_bps"),
        (&io.write_bytes, "write_bps"),
        (&io.read_operations, "read_iops"),
        (&io.write_operations, "write_iops"),
    ];
    for (list, what) in rates {
        for DeviceRate { device: (major, minor), rate } in list {
            directory.write(&format!("blkio.throttle.{what}_device"), &format!("{major}:{minor} {rate}"))?;
        }
    }
    Ok(())
}

/// The list begins as the parent's; each line changes it.
fn set_devices(directory: &Directory, rules: &[DeviceRule]) -> Result<(), CgroupError> {
    for rule in rules {
        let file = if rule.allow { "devices.allow" } else { "devices.deny" };
        let text = if rule.is_total() { "a".to_owned() } else { rule.to_string() };
        directory.write(file, &text)?;
    }
    Ok(())
}
