//! What a group may use. Absent means: not asked for, and then the controller is not even switched on.

use crate::device::DeviceRule;

/// All limits of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory.
    pub memory: Memory,
    /// Processor time.
    pub cpu: Cpu,
    /// Processes; -1 for no limit.
    pub pids: Option<i64>,
    /// Disks.
    pub block_io: BlockIo,
    /// Devices, in order: the last rule that fits decides.
    pub devices: Vec<DeviceRule>,
    /// Huge pages.
    pub huge_pages: Vec<HugePages>,
    /// Raw v2 files and their content.
    pub unified: Vec<(String, String)>,
}

/// Bytes; -1 for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Hard limit.
    pub limit: Option<i64>,
    /// What is left to the group when memory is scarce.
    pub reservation: Option<i64>,
    /// Memory *and* swap together, as docker and v1 count.
    pub swap: Option<i64>,
    /// How eagerly to swap, 0 to 100; v1 only.
    pub swappiness: Option<u64>,
    /// Stop instead of kill when memory is out; v1 only.
    pub oom_kill_disable: bool,
}

/// Processor time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Relative weight, 2 to 262144; 1024 is normal.
    pub shares: Option<u64>,
    /// Microseconds in each period; -1 for no limit.
    pub quota: Option<i64>,
    /// Microseconds.
    pub period: Option<u64>,
    /// Processors, as `0-2,4`.
    pub cpus: String,
    /// Memory nodes.
    pub mems: String,
}

/// Disks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// Relative weight, 10 to 1000.
    pub weight: Option<u16>,
    /// The same for single devices.
    pub device_weights: Vec<DeviceWeight>,
    /// Bytes read per second.
    pub read_bytes: Vec<DeviceRate>,
    /// Bytes written per second.
    pub write_bytes: Vec<DeviceRate>,
    /// Reads per second.
    pub read_operations: Vec<DeviceRate>,
    /// Writes per second.
    pub write_operations: Vec<DeviceRate>,
}

/// A weight for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceWeight {
    /// Major and minor number.
    pub device: (i64, i64),
    /// 10 to 1000.
    pub weight: u16,
}

/// A rate for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRate {
    /// Major and minor number.
    pub device: (i64, i64),
    /// Per second.
    pub rate: u64,
}

/// Huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HugePages {
    /// `2MB`, `1GB`.
    pub page_size: String,
    /// Bytes.
    pub limit: u64,
}

impl Limits {
    /// The controllers that these limits need, by their v1 names.
    pub(crate) fn controllers(&self) -> Vec<&'static str> {
        let io = &self.block_io;
        let rates = [&io.read_bytes, &io.write_bytes, &io.read_operations, &io.write_operations];
        [
            ("memory", self.memory != Memory::default()),
            ("cpu", self.cpu.shares.is_some() || self.cpu.quota.is_some() || self.cpu.period.is_some()),
            ("cpuset", !self.cpu.cpus.is_empty() || !self.cpu.mems.is_empty()),
            ("pids", self.pids.is_some()),
            (
                "blkio",
                io.weight.is_some() || !io.device_weights.is_empty() || rates.iter().any(|list| !list.is_empty()),
            ),
            ("devices", !self.devices.is_empty()),
            ("hugetlb", !self.huge_pages.is_empty()),
        ]
        .into_iter()
        .filter(|(_, asked)| *asked)
        .map(|(name, _)| name)
        .collect()
    }
}

/// v2's weight (1 to 10000, normally 100) for v1's shares (2 to 262144, normally 1024).
///
/// The curve that runc and crun have used since 2025: a quadratic in log2 through (2, 1), (1024, 100), (262144, 10000).
/// The straight line before it made the default share of 1024 a weight of 39, far below that of every other group.
/// <https://github.com/opencontainers/cgroups/pull/20>
pub(crate) fn weight_of_shares(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    if shares >= 262_144 {
        return 10_000;
    }
    #[expect(clippy::cast_precision_loss, reason = "18 bits fit")]
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10000")]
    let weight = 10_f64.powf(exponent).ceil() as u64;
    weight.clamp(1, 10_000)
}

/// v2's `memory.swap.max` is swap alone; docker's number is memory and swap.
pub(crate) fn swap_alone(limit: Option<i64>, both: i64) -> Option<i64> {
    match (limit, both) {
        (_, -1) => Some(-1),
        (Some(limit), both) if limit >= 0 && both >= limit => Some(both - limit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_their_three_fixed_points() {
        assert_eq!([2, 1024, 262_144].map(weight_of_shares), [1, 100, 10_000]);
        assert!((3..262_144).step_by(997).all(|shares| weight_of_shares(shares) <= weight_of_shares(shares + 997)));
    }

    #[test]
    fn swap_is_what_is_left_of_both() {
        assert_eq!(swap_alone(Some(64), 128), Some(64));
        assert_eq!(swap_alone(Some(64), 64), Some(0));
        assert_eq!(swap_alone(Some(64), -1), Some(-1));
        assert_eq!(swap_alone(None, 128), None);
        assert_eq!(swap_alone(Some(128), 64), None);
    }

    #[test]
    fn nothing_asked_needs_no_controller() {
        assert!(Limits::default().controllers().is_empty());
    }
}
