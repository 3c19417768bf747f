//! v2: one tree, files named `controller.what`, and controllers that a parent has to hand down.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use process::sys;
use std::os::fd::{AsFd, OwnedFd};

use crate::bpf::device_program;
use crate::cgroup::CgroupError;
use crate::directory::Directory;
use crate::limits::{DeviceRate, Limits, swap_alone, weight_of_shares};
use crate::oom::OomWatch;
use crate::stats::{Stats, number, number_of};

/// `<linux/bpf.h>`.
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

#[derive(Debug)]
pub(crate) struct Group(Directory);

impl Group {
    /// Makes the group at `path` below `mount`. Each directory on the way hands the wanted controllers down.
    // ANCHOR: create_v2
    pub(crate) fn create(mount: &Path, path: &Path, limits: &Limits) -> Result<Self, CgroupError> {
        let wanted: Vec<&str> =
            limits.controllers().into_iter().filter(|name| *name != "devices").map(v2_name).collect();
        let mut directory = Directory::open(mount.into())?;
        for component in path.components() {
            hand_down(&directory, &wanted)?;
            directory = directory.child(Path::new(&component))?;
        }
        let group = Self(directory);
        group.set(limits)?;
        if !limits.devices.is_empty() {
            group.set_devices(limits)?;
        }
        Ok(group)
    }
    // ANCHOR_END: create_v2

    pub(crate) fn open(mount: &Path, path: &Path) -> Result<Self, CgroupError> {
        Ok(Self(Directory::open(mount.join(path))?))
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

    pub(crate) fn procs(&self) -> Result<Vec<i32>, CgroupError> {
        Ok(self.0.read("cgroup.procs")?.lines().filter_map(|line| line.parse().ok()).collect())
    }

    // ANCHOR: set_v2
    pub(crate) fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        let write = |name: &str, text: String| self.0.write(name, &text);
        let max = |number: i64| if number < 0 { "max".to_owned() } else { number.to_string() };
        let memory = &limits.memory;
        if let Some(limit) = memory.limit {
            write("memory.max", max(limit))?;
        }
        if let Some(reservation) = memory.reservation {
            write("memory.low", max(reservation))?;
        }
        // ANCHOR: ex_swap
        if let Some(swap) = memory.swap.and_then(|both| swap_alone(memory.limit, both)) {
            match write("memory.swap.max", max(swap)) {
                // A kernel that does not account for swap has no such file, and docker runs without it.
                Err(error) if error.errno() == Errno::ENOENT => {}
                other => other?,
            }
        }
        // ANCHOR_END: ex_swap
        if let Some(shares) = limits.cpu.shares {
            write("cpu.weight", weight_of_shares(shares).to_string())?;
        }
        match (limits.cpu.quota, limits.cpu.period) {
            (None, None) => {}
            (quota, period) => write("cpu.max", format!("{} {}", max(quota.unwrap_or(-1)), period.unwrap_or(100_000)))?,
        }
        for (name, list) in [("cpuset.cpus", &limits.cpu.cpus), ("cpuset.mems", &limits.cpu.mems)] {
            if !list.is_empty() {
                write(name, list.clone())?;
            }
        }
        if let Some(pids) = limits.pids {
            write("pids.max", max(pids))?;
        }
        self.set_block_io(limits)?;
        for pages in &limits.huge_pages {
            write(&format!("hugetlb.{}.max", pages.page_size), pages.limit.to_string())?;
        }
        for (name, text) in &limits.unified {
            write(name, text.clone())?;
        }
        Ok(())
    }
    // ANCHOR_END: set_v2

    fn set_block_io(&self, limits: &Limits) -> Result<(), CgroupError> {
        let io = &limits.block_io;
        if let Some(weight) = io.weight {
            self.weigh(None, weight)?;
        }
        for device in &io.device_weights {
            self.weigh(Some(device.device), device.weight)?;
        }
        let rates: [(&[DeviceRate], &str); 4] = [
            (&io.read_bytes, "rbps"),
            (&io.write_bytes, "wbps"),
            (&io.read_operations, "riops"),
            (&io.write_operations, "wiops"),
        ];
        for (list, key) in rates {
            for DeviceRate { device: (major, minor), rate } in list {
                self.0.write("io.max", &format!("{major}:{minor} {key}={rate}"))?;
            }
        }
        Ok(())
    }

    /// The BFQ scheduler takes docker's number as it is; the cost model wants 1 to 10000 for 10 to 1000.
    fn weigh(&self, device: Option<(i64, i64)>, weight: u16) -> Result<(), CgroupError> {
        let target = device.map_or("default".to_owned(), |(major, minor)| format!("{major}:{minor}"));
        if self.0.has("io.bfq.weight") {
            return Ok(self.0.write("io.bfq.weight", &format!("{target} {weight}"))?);
        }
        let weight = 1 + (u32::from(weight) - 10) * 9999 / 990;
        match self.0.write("io.weight", &format!("{target} {weight}")) {
            Err(error) if error.errno() == Errno::ENOENT => Err(CgroupError::Missing {
                what: "a block I/O weight",
                controller: "io.weight (BFQ or the I/O cost model)".into(),
            }),
            other => Ok(other?),
        }
    }

    fn set_devices(&self, limits: &Limits) -> Result<(), CgroupError> {
        if let [rule] = &limits.devices[..]
            && rule.is_total()
            && rule.allow
        {
            return Ok(());
        }
        let refused = |action| move |errno| CgroupError::Devices { action, errno };
        let program = device_program(&limits.devices);
        let program =
            sys::bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, &program, c"Apache-2.0").map_err(refused("load"))?;
        sys::bpf_prog_attach(BPF_CGROUP_DEVICE, program.as_fd(), self.0.as_fd(), BPF_F_ALLOW_MULTI)
            .map_err(refused("attach"))
    }

    pub(crate) fn freeze(&self, freeze: bool) -> Result<(), CgroupError> {
        let state = if freeze { "1" } else { "0" };
        self.0.write("cgroup.freeze", state)?;
        self.wait_for(&format!("frozen {state}"))
    }

    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        match self.0.write("cgroup.kill", "1") {
            // The group is gone, and with it everybody in it.
            Err(error) if matches!(error.errno(), Errno::ENOENT | Errno::ENODEV) => return Ok(()),
            other => other?,
        }
        self.wait_for("populated 0")
    }

    /// Waits until `cgroup.events` has this line. The kernel says when the file changes (`POLLPRI`), so nobody asks
    /// twice for nothing.
    fn wait_for(&self, line: &str) -> Result<(), CgroupError> {
        let events = self.0.file("cgroup.events", OFlag::O_RDONLY)?;
        let failed = |errno| CgroupError::Wait { group: self.0.path().into(), errno };
        loop {
            let mut text = [0; 256];
            let length = nix::sys::uio::pread(&events, &mut text, 0).map_err(failed)?;
            if String::from_utf8_lossy(&text[..length]).lines().any(|have| have == line) {
                return Ok(());
            }
            match poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
    }

    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        Ok(self.0.remove()?)
    }

    pub(crate) fn oom_watch(&self) -> Result<OomWatch, CgroupError> {
        let events = self.0.file("memory.events", OFlag::O_RDONLY)?;
        // The first read arms the notification.
        let mut text = [0; 512];
        read(&events, &mut text).map_err(|errno| CgroupError::Wait { group: self.0.path().into(), errno })?;
        Ok(OomWatch::new(events, PollFlags::POLLPRI, None))
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |name| self.0.read(name).unwrap_or_default();
        let (cpu, memory, events) = (read("cpu.stat"), read("memory.stat"), read("memory.events"));
        let nanos = |micros: u64| micros * 1000;
        Stats {
            cpu_usage: number_of(&cpu, "usage_usec").map(nanos),
            cpu_throttled: number_of(&cpu, "throttled_usec").map(nanos),
            memory_usage: number(&read("memory.current")),
            memory_peak: number(&read("memory.peak")),
            memory_inactive_file: number_of(&memory, "inactive_file"),
            oom_kills: number_of(&events, "oom_kill"),
            pids: number(&read("pids.current")),
        }
    }
}

/// v2 renamed one controller.
fn v2_name(v1: &str) -> &str {
    if v1 == "blkio" { "io" } else { v1 }
}

/// Switches controllers on for the children of `parent`.
fn hand_down(parent: &Directory, controllers: &[&str]) -> Result<(), CgroupError> {
    for name in controllers {
        match parent.write("cgroup.subtree_control", &format!("+{name}")) {
            Ok(()) => {}
            Err(error) => {
                return Err(match error.errno() {
                    Errno::ENOENT | Errno::EINVAL => {
                        CgroupError::Missing { what: "this limit", controller: (*name).to_owned() }
                    }
                    Errno::EBUSY => CgroupError::Occupied { group: parent.path().into() },
                    _ => error.into(),
                });
            }
        }
    }
    Ok(())
}
