//! `stats`: what a container uses now. Processor time needs two looks, and the time between them.
//!
//! On cgroup v2 a container's group has only the controllers that its limits need, for each costs time at every start and
//! every fork. What no controller has counted is then added up over the container's processes: memory by their proportional
//! share, which knows no page cache.

use std::fs;

use cgroups::{Cgroup, Layout, Stats};
use process::Failure;

use crate::engine::Engine;
use crate::saved::{Container, Status};

/// What the kernel said at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Processor time of the container, in nanoseconds.
    cpu: u64,
    /// That of the machine, idle time with it, over all processors.
    machine: u64,
    processors: u64,
    memory: u64,
    memory_limit: u64,
    read: u64,
    written: u64,
    pids: u64,
}

/// What docker shows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Percent of one processor.
    pub cpu: f64,
    /// Bytes, without page cache that can be dropped.
    pub memory: u64,
    /// Bytes; the machine's, where there is no limit.
    pub memory_limit: u64,
    /// Bytes that came from disks.
    pub read: u64,
    /// Bytes that went there.
    pub written: u64,
    /// Processes and threads.
    pub pids: u64,
}

impl Engine {
    /// One look at a container; all zero for one that does not run.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn sample(&self, name: &str) -> Result<Sample, Failure> {
        let Container { saved, state } = self.find(name)?;
        if !matches!(state.status, Status::Running | Status::Paused) {
            return Ok(Sample::default());
        }
        // It may end at any moment, and is then one that does not run.
        let group = Cgroup::open(&Layout::detect()?, &saved.record.group(&saved.id));
        Ok(group.map_or_else(|_| Sample::default(), |group| sample(&group)))
    }
}

fn sample(group: &Cgroup) -> Sample {
    let Stats { cpu, memory, pids, block_io, .. } = group.stats();
    let members: Vec<i32> = group.procs().unwrap_or_default().into_iter().map(nix::unistd::Pid::as_raw).collect();
    if members.is_empty() {
        return Sample::default();
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (machine, processors) = machine_time(&read("/proc/stat"));
    let total = kib(&read("/proc/meminfo"), "MemTotal:");
    let sum = |file: &str, value: fn(&str) -> u64| -> u64 {
        members.iter().map(|pid| value(&read(&format!("/proc/{pid}/{file}")))).sum()
    };
    Sample {
        cpu: cpu.map_or(0, |cpu| cpu.usage),
        machine,
        processors,
        memory: memory.map_or_else(
            || sum("smaps_rollup", |text| kib(text, "Pss:")),
            |memory| match memory.usage.checked_sub(memory.inactive_file) {
                None | Some(0) => memory.usage,
                Some(rest) => rest,
            },
        ),
        memory_limit: memory.and_then(|memory| memory.limit).map_or(total, |limit| limit.min(total)),
        read: block_io.map_or_else(|| sum("io", |text| number_behind(text, "read_bytes:")), |io| io.read_bytes),
        written: block_io.map_or_else(|| sum("io", |text| number_behind(text, "write_bytes:")), |io| io.written_bytes),
        pids: pids.map_or_else(|| sum("status", |text| number_behind(text, "Threads:")), |pids| pids.current),
    }
}

/// Nanoseconds that all processors have had so far, and how many there are: docker adds up the first seven columns.
fn machine_time(stat: &str) -> (u64, u64) {
    const TICK: u64 = 10_000_000;
    let all = stat.lines().next().unwrap_or_default();
    let ticks: u64 = all.split_ascii_whitespace().skip(1).take(7).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let one = |line: &&str| line.starts_with("cpu") && line.as_bytes().get(3).is_some_and(u8::is_ascii_digit);
    let processors = u64::try_from(stat.lines().filter(one).count()).unwrap_or(1);
    (ticks.saturating_mul(TICK), processors)
}

fn number_behind(text: &str, key: &str) -> u64 {
    let of = |line: &str| line.strip_prefix(key)?.split_ascii_whitespace().next()?.parse().ok();
    text.lines().find_map(of).unwrap_or(0)
}

fn kib(text: &str, key: &str) -> u64 {
    number_behind(text, key).saturating_mul(1024)
}

impl Sample {
    /// What was used since `earlier`; docker's formula.
    #[expect(clippy::cast_precision_loss, reason = "two digits behind the point are shown")]
    pub fn since(&self, earlier: &Self) -> Usage {
        let (mine, all) = (self.cpu.saturating_sub(earlier.cpu), self.machine.saturating_sub(earlier.machine));
        let cpu = if all == 0 { 0.0 } else { mine as f64 / all as f64 * self.processors as f64 * 100.0 };
        let Self { memory, memory_limit, read, written, pids, .. } = *self;
        Usage { cpu, memory, memory_limit, read, written, pids }
    }
}

impl Usage {
    /// Percent of the memory that it may have.
    #[expect(clippy::cast_precision_loss, reason = "two digits behind the point are shown")]
    pub fn memory_share(&self) -> f64 {
        if self.memory_limit == 0 { 0.0 } else { self.memory as f64 / self.memory_limit as f64 * 100.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_a_share_of_what_all_processors_had() {
        let stat = "cpu  10 20 30 40 50 60 70 80 90 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n";
        assert_eq!(machine_time(stat), (2_800_000_000, 2));
        let before = Sample { cpu: 500, machine: 10_000, processors: 2, ..Sample::default() };
        let after = Sample { cpu: 1500, machine: 14_000, memory: 25, memory_limit: 200, ..before };
        let usage = after.since(&before);
        assert!((usage.cpu - 50.0).abs() < 1e-9 && (usage.memory_share() - 12.5).abs() < 1e-9, "{usage:?}");
        assert!(Sample::default().since(&after).cpu.abs() < 1e-9, "it has ended meanwhile");
    }
}
