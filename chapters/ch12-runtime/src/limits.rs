//! From the specification's words for limits to those of the cgroups chapter.

use cgroups::{BlockIo, Cpu, DeviceKind, DeviceRate, DeviceRule, DeviceWeight, HugePages, Limits, Memory};

use crate::error::PlanError;
use crate::spec::{Resources, ThrottleDevice};

pub(crate) fn translate(resources: &Resources) -> Result<Limits, PlanError> {
    let memory = resources.memory.unwrap_or_default();
    let cpu = resources.cpu.clone().unwrap_or_default();
    Ok(Limits {
        memory: Memory {
            limit: memory.limit,
            reservation: memory.reservation,
            swap: memory.swap,
            swappiness: memory.swappiness,
            oom_kill_disable: memory.disable_oom_killer.unwrap_or(false),
        },
        cpu: Cpu { shares: cpu.shares, quota: cpu.quota, period: cpu.period, cpus: cpu.cpus, mems: cpu.mems },
        pids: resources.pids.map(|pids| pids.limit),
        block_io: block_io(resources),
        devices: devices(resources)?,
        huge_pages: resources
            .hugepage_limits
            .iter()
            .map(|pages| HugePages { page_size: pages.page_size.clone(), limit: pages.limit })
            .collect(),
        unified: resources.unified.clone().into_iter().collect(),
    })
}

fn block_io(resources: &Resources) -> BlockIo {
    let io = resources.block_io.clone().unwrap_or_default();
    let rates = |list: Vec<ThrottleDevice>| {
        list.into_iter().map(|device| DeviceRate { device: (device.major, device.minor), rate: device.rate }).collect()
    };
    BlockIo {
        weight: io.weight,
        device_weights: io
            .weight_device
            .into_iter()
            .filter_map(|device| Some(DeviceWeight { device: (device.major, device.minor), weight: device.weight? }))
            .collect(),
        read_bytes: rates(io.throttle_read_bps_device),
        write_bytes: rates(io.throttle_write_bps_device),
        read_operations: rates(io.throttle_read_iops_device),
        write_operations: rates(io.throttle_write_iops_device),
    }
}

/// What the specification lists, and behind it what every container may use: nodes that the runtime itself makes, and
/// making (not opening) any.
fn devices(resources: &Resources) -> Result<Vec<DeviceRule>, PlanError> {
    let mut rules: Vec<DeviceRule> = resources.devices.iter().map(device).collect::<Result<_, PlanError>>()?;
    if rules.iter().all(|rule| rule.allow) {
        return Ok(rules);
    }
    let char = |major, minor, access| DeviceRule::new(true, DeviceKind::Char, major, minor, access);
    rules.push(char(None, None, "m"));
    rules.push(DeviceRule::new(true, DeviceKind::Block, None, None, "m"));
    // null, zero, full, random, urandom; tty, console, ptmx; the terminals.
    for (major, minor) in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)] {
        rules.push(char(Some(major), Some(minor), "rwm"));
    }
    rules.push(char(Some(136), None, "rwm"));
    Ok(rules)
}

/// A negative number is the older way to say "all".
fn device(rule: &crate::spec::DeviceRule) -> Result<DeviceRule, PlanError> {
    let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    let kind = match rule.kind.as_deref() {
        None | Some("" | "a") => DeviceKind::All,
        Some("c") => DeviceKind::Char,
        Some("b") => DeviceKind::Block,
        Some(other) => return Err(PlanError::Invalid { field: "linux.resources.devices type", value: other.into() }),
    };
    let access = rule.access.as_deref().filter(|access| !access.is_empty()).unwrap_or("rwm");
    Ok(DeviceRule::new(rule.allow, kind, number(rule.major), number(rule.minor), access))
}
