//! Chapter 4: control groups.
//!
//! Limits, statistics, freezing, killing and out-of-memory events, behind one [`Cgroup`], on cgroup v1, hybrid and v2.

mod bpf;
mod cgroup;
mod convert;
mod cpuset;
mod device;
mod directory;
mod entrance;
mod error;
mod fresh;
mod killer;
mod layout;
mod leave;
mod limits;
mod membership;
mod mounts;
mod network;
mod oom;
mod stats;
mod v1;
mod v2;

pub use bpf::device_program;
pub use cgroup::{Cgroup, remove_abandoned};
pub use convert::{SwapError, swap_alone};
pub use device::{Access, AccessError, DeviceKind, DeviceRule};
pub use directory::FileError;
pub use entrance::{Entrance, new_cgroup_namespace};
pub use error::CgroupError;
pub use killer::Killer;
pub use layout::{Hierarchy, Layout, LayoutError};
pub use limits::{BlockIo, Cpu, HugepageLimit, Limits, Memory, Pids, ThrottleDevice, WeightDevice};
pub use membership::{Membership, Reading};
pub use mounts::{cgroup_mounts, docker_mount, group_mounts};
pub use network::{Network, NetworkPriority, RdmaLimit};
pub use oom::{OomEvent, OomWatch};
pub use stats::{BlockIoStats, CpuStats, MemoryStats, PidsStats, Stats, Throttling};
