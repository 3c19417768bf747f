//! Chapter 4: control groups.
//!
//! Limits, statistics, freezing, killing and out-of-memory events, behind one [`Cgroup`], on cgroup v1, hybrid and v2.

mod bpf;
mod cgroup;
mod device;
mod directory;
mod layout;
mod limits;
mod mounts;
mod oom;
mod stats;
mod v1;
mod v2;

pub use bpf::device_program;
pub use cgroup::{Cgroup, CgroupError, remove_abandoned};
pub use device::{DeviceKind, DeviceRule};
pub use layout::{Hierarchy, Layout, LayoutError};
pub use limits::{BlockIo, Cpu, DeviceRate, DeviceWeight, HugePages, Limits, Memory};
pub use mounts::cgroup_mounts;
pub use oom::OomWatch;
pub use stats::Stats;
