//! What a group has used.

/// Numbers of a group. What no controller counted is absent: see [`crate::Cgroup::create_with`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processor time.
    pub cpu: Option<CpuStats>,
    /// Waiting for the next period of a quota.
    pub throttling: Option<Throttling>,
    /// Memory.
    pub memory: Option<MemoryStats>,
    /// Processes.
    pub pids: Option<PidsStats>,
    /// Disks.
    pub block_io: Option<BlockIoStats>,
}

/// Processor time, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// In all.
    pub usage: u64,
    /// In programs.
    pub user: u64,
    /// In the kernel, on their behalf.
    pub system: u64,
}

/// How a quota was felt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Periods in which the group ran.
    pub periods: u64,
    /// Those in which it used up its quota.
    pub throttled: u64,
    /// Nanoseconds that it then stood still, over all processors.
    pub time: u64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// In use, page cache included. `docker stats` shows this less `inactive_file`.
    pub usage: u64,
    /// The most that it ever was; v2 has it since Linux 5.19.
    pub peak: Option<u64>,
    /// Absent for no limit.
    pub limit: Option<u64>,
    /// Memory that no file stands behind: heaps and stacks.
    pub anonymous: u64,
    /// Page cache.
    pub file: u64,
    /// The part of it that nobody has touched for a while, and that can be dropped.
    pub inactive_file: u64,
    /// Processes that were killed because memory was out.
    pub oom_kills: u64,
}

/// Processes and threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PidsStats {
    /// Now.
    pub current: u64,
    /// Absent for no limit.
    pub limit: Option<u64>,
    /// Forks that the limit refused.
    pub refused: u64,
}

/// What went to disks and came from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockIoStats {
    /// Bytes.
    pub read_bytes: u64,
    /// Bytes.
    pub written_bytes: u64,
    /// Operations.
    pub reads: u64,
    /// Operations.
    pub writes: u64,
}

/// The number behind `key` in lines of `key number`.
pub(crate) fn number_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| number(line.strip_prefix(key)?.strip_prefix(' ')?))
}

/// A file with one number; `max`, for no limit, is none.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
