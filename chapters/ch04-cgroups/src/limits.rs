//! What a group may use, in the words and the JSON of the OCI runtime specification's `linux.resources`. Absent means: not
//! asked for, and then the controller is not even switched on.
//!
//! <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::device::DeviceRule;
use crate::error::CgroupError;
use crate::network::{Network, RdmaLimit};

/// All limits of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Devices, in order: the last rule that fits decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceRule>,
    /// Memory.
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Memory,
    /// Processor time.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu: Cpu,
    /// Processes.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: Pids,
    /// Disks.
    #[serde(rename = "blockIO", skip_serializing_if = "is_default")]
    pub block_io: BlockIo,
    /// Huge pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hugepage_limits: Vec<HugepageLimit>,
    /// Marks on packets; v2 has no such thing.
    #[serde(skip_serializing_if = "is_default")]
    pub network: Network,
    /// Handles and objects of network cards that write into memory, by device.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rdma: BTreeMap<String, RdmaLimit>,
    /// Raw v2 files and their content: `memory.high`. v1 refuses them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unified: BTreeMap<String, String>,
}

/// Bytes; -1 for no limit, and 0 for "not asked for": Go's writers of the JSON mean that by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Hard limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// What is left to the group when memory is scarce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<i64>,
    /// Memory *and* swap together, as docker and v1 count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<i64>,
    /// How eagerly to swap, 0 to 100; v2 has no such thing, and ignores it as runc does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swappiness: Option<u64>,
    /// Stop instead of kill when memory is out; v2 has no such thing, and ignores it as runc does.
    #[serde(rename = "disableOOMKiller", skip_serializing_if = "is_default")]
    pub disable_oom_killer: bool,
    /// Buffers of TCP alone; v2 has no such thing.
    #[serde(rename = "kernelTCP", skip_serializing_if = "Option::is_none")]
    pub kernel_tcp: Option<i64>,
    /// Refuse a limit below what is used already. v1's kernel does that by itself.
    #[serde(skip_serializing_if = "is_default")]
    pub check_before_update: bool,
}

/// Processor time. As with memory, 0 is "not asked for".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cpu {
    /// Relative weight, 2 to 262144; 1024 is normal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
    /// Microseconds in each period; -1 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<i64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// Microseconds by which one period may exceed the quota, from what earlier ones have left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// 1: only when nobody else wants a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<i64>,
    /// As the quota, of real-time processes; v2 has no such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_runtime: Option<i64>,
    /// As the period, of real-time processes; v2 has no such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_period: Option<u64>,
    /// Processors, as `0-2,4`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cpus: String,
    /// Memory nodes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mems: String,
}

/// Processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pids {
    /// How many; -1 for no limit. 0 is a limit, as the specification says: one process, and no fork.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// Disks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockIo {
    /// Relative weight, 10 to 1000; 0 is "not asked for".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// The same against groups below this one; only old kernels had that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf_weight: Option<u16>,
    /// The same for single devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weight_device: Vec<WeightDevice>,
    /// Bytes read per second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throttle_read_bps_device: Vec<ThrottleDevice>,
    /// Bytes written per second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throttle_write_bps_device: Vec<ThrottleDevice>,
    /// Reads per second.
    #[serde(rename = "throttleReadIOPSDevice", skip_serializing_if = "Vec::is_empty")]
    pub throttle_read_iops_device: Vec<ThrottleDevice>,
    /// Writes per second.
    #[serde(rename = "throttleWriteIOPSDevice", skip_serializing_if = "Vec::is_empty")]
    pub throttle_write_iops_device: Vec<ThrottleDevice>,
}

/// A weight for one device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WeightDevice {
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// 10 to 1000; 0 is "not asked for".
    #[serde(skip_serializing_if = "is_default")]
    pub weight: u16,
    /// As [`BlockIo::leaf_weight`].
    #[serde(skip_serializing_if = "is_default")]
    pub leaf_weight: u16,
}

/// A rate for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottleDevice {
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// Per second; 0 for no limit.
    pub rate: u64,
}

/// Huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HugepageLimit {
    /// `2MB`, `1GB`.
    pub page_size: String,
    /// Bytes.
    pub limit: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What was asked for: a number other than 0.
pub(crate) fn given<T: Default + PartialEq>(number: Option<T>) -> Option<T> {
    number.filter(|number| !is_default(number))
}

impl From<i64> for Pids {
    fn from(limit: i64) -> Self {
        Self { limit: Some(limit) }
    }
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

impl Memory {
    fn asks(&self) -> bool {
        [self.limit, self.reservation, self.swap, self.kernel_tcp].into_iter().any(|bytes| given(bytes).is_some())
            || self.swappiness.is_some()
            || self.disable_oom_killer
    }
}

impl Cpu {
    fn asks(&self) -> bool {
        let numbers = [self.shares, self.period, self.burst, self.realtime_period];
        let signed = [self.quota, self.idle, self.realtime_runtime];
        numbers.into_iter().any(|number| given(number).is_some())
            || signed.into_iter().any(|number| given(number).is_some())
    }
}

impl BlockIo {
    fn asks(&self) -> bool {
        Self { weight: given(self.weight), leaf_weight: given(self.leaf_weight), ..self.clone() } != Self::default()
    }
}

impl HugepageLimit {
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
            ("memory", self.memory.asks()),
            ("cpu", cpu.asks()),
            ("cpuset", !cpu.cpus.is_empty() || !cpu.mems.is_empty()),
            ("pids", self.pids.limit.is_some()),
            ("blkio", io.asks()),
            ("devices", !self.devices.is_empty() && !everything_allowed),
            ("hugetlb", !self.hugepage_limits.is_empty()),
            ("rdma", !self.rdma.is_empty()),
            ("net_cls", given(self.network.class_id).is_some()),
            ("net_prio", !self.network.priorities.is_empty()),
        ]
        .into_iter()
        .filter(|(name, asked)| *asked || self.unified.keys().any(|file| controller_of(file) == *name))
        .map(|(name, _)| name)
        .collect()
    }
}

impl Limits {
    /// A list of devices that denies something gets what every container may do behind it: the runtime makes these nodes
    /// whatever the list says, as runc does.
    #[must_use]
    pub fn with_harmless_devices(mut self) -> Self {
        if self.devices.iter().any(|rule| !rule.allow) {
            self.devices.extend(DeviceRule::harmless());
        }
        self
    }

    /// In words, for people who watch.
    pub(crate) fn summary(&self) -> String {
        let bytes = |bytes: i64| if bytes < 0 { "all".into() } else { format!("{} KiB", bytes >> 10) };
        let cpu = &self.cpu;
        let devices = self.devices.len();
        let parts = [
            given(self.memory.limit).map(|limit| format!("{} of memory", bytes(limit))),
            given(self.memory.swap).map(|both| format!("{} of memory and swap", bytes(both))),
            given(self.memory.reservation).map(|soft| format!("{} of memory reserved", bytes(soft))),
            given(cpu.quota).map(|quota| format!("{quota} of {} µs", given(cpu.period).unwrap_or(100_000))),
            given(cpu.shares).map(|shares| format!("{shares} shares")),
            (!cpu.cpus.is_empty()).then(|| format!("processors {}", cpu.cpus)),
            self.pids.limit.map(|pids| format!("{pids} processes")),
            self.block_io.asks().then(|| "disks".into()),
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
        "rdma" => "a limit on RDMA devices",
        "net_cls" => "a class of packets",
        "net_prio" => "a priority of packets",
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
            pids: 10.into(),
            unified: [raw("pids.max"), raw("memory.high"), raw("io.weight"), raw("cgroup.max.depth")].into(),
            ..Limits::default()
        };
        assert_eq!(limits.controllers(), ["memory", "pids", "blkio"]);
    }

    /// Go writes a number that was never set as 0.
    #[test]
    fn zero_is_no_limit_where_nothing_could_run_under_it() {
        let limits = Limits {
            memory: Memory { limit: Some(0), reservation: Some(0), swap: Some(0), ..Memory::default() },
            cpu: Cpu { shares: Some(0), quota: Some(0), period: Some(0), ..Cpu::default() },
            block_io: BlockIo { weight: Some(0), ..BlockIo::default() },
            ..Limits::default()
        };
        assert_eq!((limits.controllers(), limits.summary()), (vec![], "no limits".into()));
        let one_process = Limits { pids: 0.into(), ..Limits::default() };
        assert_eq!(one_process.controllers(), ["pids"]);
    }

    #[test]
    fn limits_in_words() {
        let limits = Limits {
            memory: Memory { limit: Some(64 << 20), swap: Some(-1), ..Memory::default() },
            cpu: Cpu::default().with_nano_cpus(500_000_000),
            pids: 32.into(),
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
