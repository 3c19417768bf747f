//! Limits in v1's files.

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::cpuset;
use crate::device::DeviceRule;
use crate::directory::{Directory, FileError};
use crate::error::CgroupError;
use crate::limits::{BlockIo, Cpu, HugepageLimit, Limits, Memory, ThrottleDevice, WeightDevice, given};
use crate::network::Network;

/// Writes what `limits` say about one controller.
pub(super) fn set(directory: &Directory, controller: &str, limits: &Limits) -> Result<(), CgroupError> {
    match controller {
        "memory" => set_memory(directory, &limits.memory),
        "cpu" => Ok(set_cpu(directory, &limits.cpu)?),
        "cpuset" => cpuset::set(directory, &limits.cpu),
        "pids" => Ok(limits.pids.limit.map_or(Ok(()), |limit| {
            directory.write("pids.max", &if limit < 0 { "max".into() } else { limit.to_string() })
        })?),
        "blkio" => set_block_io(directory, &limits.block_io),
        "devices" => Ok(set_devices(directory, &limits.devices)?),
        "hugetlb" => set_huge_pages(directory, &limits.hugepage_limits),
        "rdma" => {
            Ok(limits.rdma.iter().try_for_each(|(device, limit)| directory.write("rdma.max", &limit.line(device)))?)
        }
        "net_cls" | "net_prio" => Ok(set_network(directory, controller, &limits.network)?),
        // Asked for its counters only.
        _ => Ok(()),
    }
}

/// The kernel wants memory ≤ memory and swap at every moment, so on an update the order matters.
fn set_memory(directory: &Directory, memory: &Memory) -> Result<(), CgroupError> {
    let (limit, both) = (given(memory.limit), given(memory.swap));
    let write_limit = || match limit {
        Some(limit) => directory.write("memory.limit_in_bytes", &limit.to_string()),
        None => Ok(()),
    };
    let write_swap = || match both.map(|both| directory.write("memory.memsw.limit_in_bytes", &both.to_string())) {
        // A kernel that does not account for swap has no such file, and docker runs without it.
        Some(Err(error)) if error.errno() == Errno::ENOENT => Ok(()),
        Some(other) => other,
        None => Ok(()),
    };
    match write_limit() {
        // Both are to grow, and the old sum is below the new limit.
        Err(error) if error.errno() == Errno::EINVAL && both.is_some() => {
            write_swap()?;
            write_limit()?;
        }
        other => {
            other?;
            write_swap()?;
        }
    }
    if let Some(reservation) = given(memory.reservation) {
        directory.write("memory.soft_limit_in_bytes", &reservation.to_string())?;
    }
    if let Some(swappiness) = memory.swappiness {
        directory.write("memory.swappiness", &swappiness.to_string())?;
    }
    if let Some(buffers) = given(memory.kernel_tcp) {
        directory.write("memory.kmem.tcp.limit_in_bytes", &buffers.to_string())?;
    }
    if memory.disable_oom_killer {
        directory.write("memory.oom_control", "1")?;
    }
    Ok(())
}

fn set_cpu(directory: &Directory, cpu: &Cpu) -> Result<(), FileError> {
    let write = |name, number: Option<String>| number.map_or(Ok(()), |number| directory.write(name, &number));
    write("cpu.shares", given(cpu.shares).map(|shares| shares.to_string()))?;
    let period = || write("cpu.cfs_period_us", given(cpu.period).map(|period| period.to_string()));
    let quota = || write("cpu.cfs_quota_us", given(cpu.quota).map(|quota| quota.to_string()));
    match period() {
        // On an update: the old quota in the new period is more than the parent has.
        Err(error) if error.errno() == Errno::EINVAL && given(cpu.quota).is_some() => {
            quota()?;
            period()?;
        }
        other => other.and_then(|()| quota())?,
    }
    write("cpu.cfs_burst_us", given(cpu.burst).map(|burst| burst.to_string()))?;
    write("cpu.rt_period_us", given(cpu.realtime_period).map(|period| period.to_string()))?;
    write("cpu.rt_runtime_us", given(cpu.realtime_runtime).map(|runtime| runtime.to_string()))?;
    write("cpu.idle", cpu.idle.map(|idle| idle.to_string()))
}

fn set_network(directory: &Directory, controller: &str, network: &Network) -> Result<(), FileError> {
    if controller == "net_prio" {
        let mut lines = network.priorities.iter().map(|device| format!("{} {}", device.name, device.priority));
        return lines.try_for_each(|line| directory.write("net_prio.ifpriomap", &line));
    }
    given(network.class_id).map_or(Ok(()), |class| directory.write("net_cls.classid", &class.to_string()))
}

fn set_block_io(directory: &Directory, io: &BlockIo) -> Result<(), CgroupError> {
    // The names depend on the disk scheduler.
    let weight = given(io.weight);
    let bfq = (weight.is_some() || !io.weight_device.is_empty()) && directory.has("blkio.bfq.weight");
    let weigh = |name: &str, text: String| {
        let name = if bfq { format!("blkio.bfq.{name}") } else { format!("blkio.{name}") };
        match directory.write(&name, &text) {
            Err(error) if error.errno() == Errno::ENOENT => Err(CgroupError::Missing {
                what: "a weight for disks",
                controller: "blkio.weight".into(),
                place: "part of this kernel".into(),
            }),
            other => Ok(other?),
        }
    };
    if let Some(weight) = weight {
        weigh("weight", weight.to_string())?;
    }
    if let Some(weight) = given(io.leaf_weight) {
        weigh("leaf_weight", weight.to_string())?;
    }
    for WeightDevice { major, minor, weight, leaf_weight } in &io.weight_device {
        if *weight != 0 {
            weigh("weight_device", format!("{major}:{minor} {weight}"))?;
        }
        if *leaf_weight != 0 {
            weigh("leaf_weight_device", format!("{major}:{minor} {leaf_weight}"))?;
        }
    }
    let rates: [(&[ThrottleDevice], &str); 4] = [
        (&io.throttle_read_bps_device, "read_bps"),
        (&io.throttle_write_bps_device, "write_bps"),
        (&io.throttle_read_iops_device, "read_iops"),
        (&io.throttle_write_iops_device, "write_iops"),
    ];
    for (list, what) in rates {
        for ThrottleDevice { major, minor, rate } in list {
            directory.write(&format!("blkio.throttle.{what}_device"), &format!("{major}:{minor} {rate}"))?;
        }
    }
    Ok(())
}

/// The list begins as the parent's; each line changes it.
fn set_devices(directory: &Directory, rules: &[DeviceRule]) -> Result<(), FileError> {
    let (allow, deny) =
        (directory.file("devices.allow", OFlag::O_WRONLY)?, directory.file("devices.deny", OFlag::O_WRONLY)?);
    for rule in rules {
        let (file, name) = if rule.allow { (&allow, "devices.allow") } else { (&deny, "devices.deny") };
        for line in rule.v1_lines() {
            directory.write_to(file, name, &line)?;
        }
    }
    Ok(())
}

fn set_huge_pages(directory: &Directory, pages: &[HugepageLimit]) -> Result<(), CgroupError> {
    pages.iter().try_for_each(|pages| {
        let name = format!("hugetlb.{}.limit_in_bytes", pages.checked_size()?);
        Ok(directory.write(&name, &pages.limit.to_string())?)
    })
}
