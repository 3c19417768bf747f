//! Limits in v2's files.

use nix::errno::Errno;

use crate::convert::{io_weight, swap_alone, weight_of_shares};
use crate::cpuset;
use crate::directory::{Directory, FileError};
use crate::error::CgroupError;
use crate::limits::{BlockIo, Cpu, Limits, Memory, ThrottleDevice, WeightDevice, given};
use crate::network::Network;

/// What v2 has nothing for. To pass over it would be a limit that is not there.
fn refuse_foreign(limits: &Limits) -> Result<(), CgroupError> {
    let Limits { memory, cpu, block_io, network, .. } = limits;
    let leaf = given(block_io.leaf_weight).is_some() || block_io.weight_device.iter().any(|disk| disk.leaf_weight != 0);
    let foreign = [
        ("memory.kernelTCP", given(memory.kernel_tcp).is_some()),
        ("cpu.realtimeRuntime", given(cpu.realtime_runtime).is_some()),
        ("cpu.realtimePeriod", given(cpu.realtime_period).is_some()),
        ("blockIO.leafWeight", leaf),
        ("network", *network != Network::default() && network.class_id != Some(0)),
    ];
    match foreign.into_iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => Err(CgroupError::Setting { name: name.into(), reason: "only cgroup v1 has it" }),
    }
}

/// Writes all limits but the devices'.
pub(super) fn set(group: &Directory, limits: &Limits) -> Result<(), CgroupError> {
    refuse_foreign(limits)?;
    set_memory(group, &limits.memory)?;
    set_cpu(group, &limits.cpu)?;
    cpuset::set(group, &limits.cpu)?;
    if let Some(pids) = limits.pids.limit {
        group.write("pids.max", &max(pids))?;
    }
    set_block_io(group, &limits.block_io)?;
    for (device, limit) in &limits.rdma {
        group.write("rdma.max", &limit.line(device))?;
    }
    for pages in &limits.hugepage_limits {
        group.write(&format!("hugetlb.{}.max", pages.checked_size()?), &pages.limit.to_string())?;
    }
    for (name, text) in &limits.unified {
        // It comes from a file that somebody else may have written, and is used as a path.
        if name.contains('/') || !name.contains('.') || name.starts_with('.') {
            return Err(CgroupError::Setting { name: name.clone(), reason: "not the name of a file of a group" });
        }
        group.write(name, text)?;
    }
    Ok(())
}

fn max(number: i64) -> String {
    if number < 0 { "max".into() } else { number.to_string() }
}

// ANCHOR: set_memory
fn set_memory(group: &Directory, memory: &Memory) -> Result<(), CgroupError> {
    if let Some(swap) = swap_alone(given(memory.limit), memory.swap)? {
        match group.write("memory.swap.max", &max(swap)) {
            // A kernel that does not account for swap has no such file, and docker runs without it.
            Err(error) if error.errno() == Errno::ENOENT && group.has("memory.max") => {}
            other => other?,
        }
    }
    if let Some(limit) = given(memory.limit) {
        if memory.check_before_update {
            check_usage(group, limit)?;
        }
        group.write("memory.max", &max(limit))?;
    }
    if let Some(reservation) = given(memory.reservation) {
        group.write("memory.low", &max(reservation))?;
    }
    Ok(())
}
// ANCHOR_END: set_memory

/// A lower limit makes the kernel reclaim, and then kill: whoever asks us to check wants an error instead.
fn check_usage(group: &Directory, limit: i64) -> Result<(), CgroupError> {
    let used = group.read("memory.current")?.trim().parse::<i64>().unwrap_or_default();
    if (0..=used).contains(&limit) { Err(CgroupError::BelowUsage { limit, used }) } else { Ok(()) }
}

fn set_cpu(group: &Directory, cpu: &Cpu) -> Result<(), FileError> {
    if let Some(shares) = given(cpu.shares) {
        group.write("cpu.weight", &weight_of_shares(shares).to_string())?;
    }
    match (given(cpu.quota), given(cpu.period)) {
        (None, None) => {}
        // The kernel keeps the period, but not the quota, that is not written.
        (Some(quota), None) => group.write("cpu.max", &max(quota))?,
        (Some(quota), Some(period)) => group.write("cpu.max", &format!("{} {period}", max(quota)))?,
        (None, Some(period)) => {
            let now = group.read("cpu.max")?;
            group.write("cpu.max", &format!("{} {period}", now.split(' ').next().unwrap_or("max")))?;
        }
    }
    if let Some(burst) = given(cpu.burst) {
        group.write("cpu.max.burst", &burst.to_string())?;
    }
    // After the weight, which an idle group has not got.
    cpu.idle.map_or(Ok(()), |idle| group.write("cpu.idle", &idle.to_string()))
}

fn set_block_io(group: &Directory, io: &BlockIo) -> Result<(), CgroupError> {
    if let Some(weight) = given(io.weight) {
        weigh(group, "default", weight)?;
    }
    for WeightDevice { major, minor, weight, .. } in io.weight_device.iter().filter(|device| device.weight != 0) {
        weigh(group, &format!("{major}:{minor}"), *weight)?;
    }
    let rates: [(&[ThrottleDevice], &str); 4] = [
        (&io.throttle_read_bps_device, "rbps"),
        (&io.throttle_write_bps_device, "wbps"),
        (&io.throttle_read_iops_device, "riops"),
        (&io.throttle_write_iops_device, "wiops"),
    ];
    for (list, key) in rates {
        for ThrottleDevice { major, minor, rate } in list {
            let rate = if *rate == 0 { "max".into() } else { rate.to_string() };
            group.write("io.max", &format!("{major}:{minor} {key}={rate}"))?;
        }
    }
    Ok(())
}

/// The BFQ scheduler takes docker's number as it is; the cost model has a scale of its own.
fn weigh(group: &Directory, target: &str, weight: u16) -> Result<(), CgroupError> {
    match group.write("io.bfq.weight", &format!("{target} {weight}")) {
        Err(error) if error.errno() == Errno::ENOENT => {}
        other => return Ok(other?),
    }
    match group.write("io.weight", &format!("{target} {}", io_weight(weight))) {
        Err(error) if error.errno() == Errno::ENOENT => Err(CgroupError::Missing {
            what: "a weight for disks",
            controller: "io.weight".into(),
            place: "part of this kernel".into(),
        }),
        other => Ok(other?),
    }
}
