//! From docker's numbers to the specification's: limits of a container, and of each of its processes.

use cgroups::{Cpu, DeviceRule, Limits, Memory, Pids};
use confinement::Rlimit;
use runtime::limits;
use runtime::spec::BlockIo;

use crate::create::{Resources, Ulimit};
use crate::resolve_error::ResolveError;
use crate::rules;

/// From docker's fields to the specification's; the nodes of the host are looked up at the start.
pub(crate) fn checked_limits(wished: &Resources, privileged: bool, processors: usize) -> Result<Limits, ResolveError> {
    let number =
        |field, value: i64| u64::try_from(value).map_err(|_| ResolveError::Invalid { field, value: value.to_string() });
    let swappiness = wished.memory_swappiness.filter(|share| *share != -1);
    let mut devices = vec![DeviceRule::all(privileged)];
    devices.extend(wished.device_cgroup_rules.iter().map(|text| rules::parse(text)).collect::<Result<Vec<_>, _>>()?);
    let limits = Limits {
        devices,
        memory: Memory {
            limit: Some(wished.memory),
            reservation: Some(wished.memory_reservation),
            swap: Some(wished.memory_swap),
            swappiness: swappiness.map(|share| number("memory swappiness", share)).transpose()?,
            disable_oom_killer: wished.oom_kill_disable.unwrap_or(false),
            ..Memory::default()
        },
        cpu: Cpu {
            shares: Some(number("CPU shares", wished.cpu_shares)?),
            quota: Some(wished.cpu_quota),
            period: Some(number("CPU period", wished.cpu_period)?),
            cpus: wished.cpuset_cpus.clone(),
            mems: wished.cpuset_mems.clone(),
            ..Cpu::default()
        },
        pids: Pids { limit: wished.pids_limit },
        block_io: BlockIo { weight: Some(wished.blkio_weight), ..BlockIo::default() },
        ..Limits::default()
    };
    // A negative number of processors is out of range in any case.
    let nano_cpus = u64::try_from(wished.nano_cpus).unwrap_or(u64::MAX);
    Ok(limits::check(limits, nano_cpus, processors)?)
}

/// Of several for one name the last counts.
pub(crate) fn rlimits(wished: &[Ulimit]) -> Result<Vec<Rlimit>, ResolveError> {
    let mut limits: Vec<Rlimit> = Vec::new();
    for Ulimit { name, soft, hard } in wished {
        let limit: Rlimit = format!("{name}={soft}:{hard}").parse()?;
        limits.retain(|other| other.kind != limit.kind);
        limits.push(limit);
    }
    Ok(limits)
}

/// Bytes of `/dev/shm`; 0 is docker's own.
pub(crate) fn shm_size(bytes: i64) -> Result<Option<u64>, ResolveError> {
    Ok(Some(u64::try_from(bytes).map_err(|_| ResolveError::ShmSize)?).filter(|bytes| *bytes > 0))
}

/// 0 is the caller's.
pub(crate) fn oom_score(score: i64) -> Result<Option<i32>, ResolveError> {
    match i32::try_from(score) {
        Ok(0) => Ok(None),
        Ok(score @ -1000..=1000) => Ok(Some(score)),
        _ => Err(ResolveError::OomScore(score)),
    }
}
