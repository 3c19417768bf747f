//! What a group may use. Absent means: not asked for, and then the controller is not even switched on.

use crate::device::DeviceRule;
use crate::error::CgroupError;

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
    /// Raw v2 files and their content: `memory.high`. v1 refuses them.
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
    /// How eagerly to swap, 0 to 100; v2 has no such thing, and ignores it as runc does.
    pub swappiness: Option<u64>,
    /// Stop instead of kill when memory is out; v2 has no such thing, and ignores it as runc does.
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
    /// Per second; 0 for no limit.
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

impl Cpu {
    /// Docker's `--cpus`, in billionths of a processor: a quota for each tenth of a second.
    #[must_use]
    pub fn with_nano_cpus(self, nanos: u64) -> Self {
        const PERIOD: u64 = 100_000;
        let quota = nanos / (1_000_000_000 / PERIOD);
        Self { quota: Some(i64::try_from(quota).unwrap_or(i64::MAX)), period: Some(PERIOD), ..self }
    }
}

impl HugePages {
    /// The size as part of a file's name.
    pub(crate) fn checked_size(&self) -> Result<&str, CgroupError> {
        let plain = !self.page_size.is_empty() && self.page_size.chars().all(|letter| letter.is_ascii_alphanumeric());
        let wrong = || CgroupError::Setting { name: self.page_size.clone(), reason: "sizes of pages are 2MB or 1GB" };
        plain.then_some(self.page_size.as_str()).ok_or_else(wrong)
    }
}

impl Limits {
    /// The controllers that these limits need, by their v1 names.
    pub(crate) fn controllers(&self) -> Vec<&'static str> {
        let (cpu, io) = (&self.cpu, &self.block_io);
        let everything_allowed = matches!(&self.devices[..], [rule] if rule.allow && rule.is_total());
        [
            ("memory", self.memory != Memory::default()),
            ("cpu", (cpu.shares, cpu.quota, cpu.period) != (None, None, None)),
            ("cpuset", !cpu.cpus.is_empty() || !cpu.mems.is_empty()),
            ("pids", self.pids.is_some()),
            ("blkio", *io != BlockIo::default()),
            ("devices", !self.devices.is_empty() && !everything_allowed),
            ("hugetlb", !self.huge_pages.is_empty()),
        ]
        .into_iter()
        .filter(|(name, asked)| *asked || self.unified.iter().any(|(file, _)| controller_of(file) == *name))
        .map(|(name, _)| name)
        .collect()
    }
}

impl Limits {
    /// In words, for people who watch.
    pub(crate) fn summary(&self) -> String {
        let bytes = |bytes: i64| if bytes < 0 { "all".into() } else { format!("{} KiB", bytes >> 10) };
        let cpu = &self.cpu;
        let devices = self.devices.len();
        let rates = &self.block_io;
        let parts = [
            self.memory.limit.map(|limit| format!("{} of memory", bytes(limit))),
            self.memory.swap.map(|both| format!("{} of memory and swap", bytes(both))),
            self.memory.reservation.map(|soft| format!("{} of memory reserved", bytes(soft))),
            cpu.quota.map(|quota| format!("{quota} of {} µs", cpu.period.unwrap_or(100_000))),
            cpu.shares.map(|shares| format!("{shares} shares")),
            (!cpu.cpus.is_empty()).then(|| format!("processors {}", cpu.cpus)),
            self.pids.map(|pids| format!("{pids} processes")),
            (*rates != BlockIo::default()).then(|| "disks".into()),
            (devices > 0).then(|| format!("{devices} device rules")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "no limits".into() } else { parts.join(", ") }
    }
}

/// What a limit by this controller is called in messages.
pub(crate) fn wish(controller: &str) -> &'static str {
    match controller {
        "memory" => "a memory limit",
        "cpu" => "a limit on processor time",
        "cpuset" => "a choice of processors",
        "pids" => "a limit on processes",
        "blkio" | "io" => "a limit on disks",
        "devices" => "a list of devices",
        "hugetlb" => "a limit on huge pages",
        _ => "this",
    }
}

/// The v1 name of the controller that a v2 file belongs to: `memory.high` to memory.
fn controller_of(file: &str) -> &str {
    match file.split('.').next().unwrap_or_default() {
        "io" => "blkio",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_needs_no_controller() {
        assert!(Limits::default().controllers().is_empty());
    }

    #[test]
    fn everything_allowed_needs_no_list() {
        let privileged = Limits { devices: vec![DeviceRule::all(true)], ..Limits::default() };
        assert!(privileged.controllers().is_empty());
    }

    #[test]
    fn a_raw_setting_asks_for_its_controller_once() {
        let raw = |name: &str| (name.to_owned(), "1".to_owned());
        let limits = Limits {
            pids: Some(10),
            unified: vec![raw("pids.max"), raw("memory.high"), raw("io.weight"), raw("cgroup.max.depth")],
            ..Limits::default()
        };
        assert_eq!(limits.controllers(), ["memory", "pids", "blkio"]);
    }

    #[test]
    fn limits_in_words() {
        let limits = Limits {
            memory: Memory { limit: Some(64 << 20), swap: Some(-1), ..Memory::default() },
            cpu: Cpu::default().with_nano_cpus(500_000_000),
            pids: Some(32),
            devices: DeviceRule::docker_defaults(),
            ..Limits::default()
        };
        assert_eq!(
            limits.summary(),
            "65536 KiB of memory, all of memory and swap, 50000 of 100000 µs, 32 processes, 12 device rules"
        );
        assert_eq!(Limits::default().summary(), "no limits");
    }

    #[test]
    fn one_and_a_half_processors() {
        let cpu = Cpu::default().with_nano_cpus(1_500_000_000);
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
    }
}
