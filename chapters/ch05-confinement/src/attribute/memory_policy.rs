//! `linux.memoryPolicy`: on which of a machine's memories pages are allocated (`set_mempolicy(2)`).

use std::collections::BTreeSet;

use process::numbers;
use process::sys::attributes::set_mempolicy;
use serde::{Deserialize, Serialize};

use super::{AttributeError, failed, invalid};

/// The kernel's modes; numbers from `<linux/mempolicy.h>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names say all there is")]
pub enum MemoryMode {
    #[serde(rename = "MPOL_DEFAULT")]
    Default = 0,
    #[serde(rename = "MPOL_PREFERRED")]
    Preferred = 1,
    #[serde(rename = "MPOL_BIND")]
    Bind = 2,
    #[serde(rename = "MPOL_INTERLEAVE")]
    Interleave = 3,
    #[serde(rename = "MPOL_LOCAL")]
    Local = 4,
    #[serde(rename = "MPOL_PREFERRED_MANY")]
    PreferredMany = 5,
    #[serde(rename = "MPOL_WEIGHTED_INTERLEAVE")]
    WeightedInterleave = 6,
}

/// The kernel's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names say all there is")]
pub enum MemoryFlag {
    #[serde(rename = "MPOL_F_NUMA_BALANCING")]
    NumaBalancing = 1 << 13,
    #[serde(rename = "MPOL_F_RELATIVE_NODES")]
    RelativeNodes = 1 << 14,
    #[serde(rename = "MPOL_F_STATIC_NODES")]
    StaticNodes = 1 << 15,
}

impl MemoryMode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Default,
        Self::Preferred,
        Self::Bind,
        Self::Interleave,
        Self::Local,
        Self::PreferredMany,
        Self::WeightedInterleave,
    ];
}

impl MemoryFlag {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NumaBalancing, Self::RelativeNodes, Self::StaticNodes];
}

/// Mode, nodes and flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPolicy {
    /// The mode.
    pub mode: MemoryMode,
    /// A list such as `0-3,7`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodes: String,
    /// Flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<MemoryFlag>,
}

impl MemoryPolicy {
    /// That the mode has the nodes it needs.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`].
    pub fn checked(&self) -> Result<(), AttributeError> {
        let nodes = self.node_numbers()?.len();
        match self.mode {
            MemoryMode::Default | MemoryMode::Local if nodes > 0 => {
                Err(invalid("linux.memoryPolicy", format!("memory policy mode requires 0 nodes but got {nodes}")))
            }
            MemoryMode::Bind | MemoryMode::Interleave | MemoryMode::PreferredMany | MemoryMode::WeightedInterleave
                if nodes == 0 =>
            {
                Err(invalid("linux.memoryPolicy", "memory policy mode requires at least one node but got 0"))
            }
            _ => Ok(()),
        }
    }

    /// Sets it for this process and all that come of it.
    ///
    /// # Errors
    /// [`AttributeError`]: `EINVAL` for a node that this machine, or the group, does not have.
    pub fn apply(&self) -> Result<(), AttributeError> {
        let nodes = self.node_numbers()?;
        let mut mask = vec![0_u64; nodes.iter().max().map_or(0, |last| last / 64 + 1)];
        for node in nodes {
            mask[node / 64] |= 1 << (node % 64);
        }
        let mode = self.flags.iter().fold(self.mode as u32, |mode, flag| mode | *flag as u32);
        set_mempolicy(mode, &mask).map_err(failed("set the memory policy"))
    }

    fn node_numbers(&self) -> Result<BTreeSet<usize>, AttributeError> {
        numbers::parse(&self.nodes).map_err(|reason| invalid("linux.memoryPolicy.nodes", reason))
    }
}
