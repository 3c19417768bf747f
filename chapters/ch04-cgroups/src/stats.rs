//! What a group has used.

/// Numbers of a group; absent where its controller is not switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Nanoseconds of processor time.
    pub cpu_usage: Option<u64>,
    /// Nanoseconds that it had to wait because its quota was used up.
    pub cpu_throttled: Option<u64>,
    /// Bytes.
    pub memory_usage: Option<u64>,
    /// The most that it ever was.
    pub memory_peak: Option<u64>,
    /// Bytes of file pages that could be dropped: docker subtracts them from the usage.
    pub memory_inactive_file: Option<u64>,
    /// How many processes were killed because memory was out.
    pub oom_kills: Option<u64>,
    /// Processes.
    pub pids: Option<u64>,
}

/// The number behind `key` in lines of `key number`.
pub(crate) fn number_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A file with one number.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
