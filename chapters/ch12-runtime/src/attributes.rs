//! What the process keeps over exec and hands to its children: of the process, and of the whole container.

use confinement::{AttributeError, ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Scheduler};

use crate::spec::{Linux, Process};

/// All of it, checked.
#[derive(Debug)]
pub(crate) struct Attributes {
    scheduler: Option<Scheduler>,
    io_priority: Option<IoPriority>,
    personality: Option<Personality>,
    memory_policy: Option<MemoryPolicy>,
}

impl Attributes {
    pub(crate) fn new(process: &Process, linux: &Linux) -> Result<Self, AttributeError> {
        process.scheduler.as_ref().map_or(Ok(()), Scheduler::checked)?;
        process.io_priority.as_ref().map_or(Ok(()), IoPriority::checked)?;
        process.exec_cpu_affinity.as_ref().map_or(Ok(()), ExecCpuAffinity::checked)?;
        linux.personality.as_ref().map_or(Ok(()), Personality::checked)?;
        linux.memory_policy.as_ref().map_or(Ok(()), MemoryPolicy::checked)?;
        Ok(Self {
            scheduler: process.scheduler.clone(),
            io_priority: process.io_priority,
            personality: linux.personality.clone(),
            memory_policy: linux.memory_policy.clone(),
        })
    }

    /// To be called while the process may still do what root may.
    pub(crate) fn apply(&self) -> Result<(), AttributeError> {
        self.scheduler.as_ref().map_or(Ok(()), Scheduler::apply)?;
        self.io_priority.as_ref().map_or(Ok(()), IoPriority::apply)?;
        self.personality.as_ref().map_or(Ok(()), Personality::apply)?;
        self.memory_policy.as_ref().map_or(Ok(()), MemoryPolicy::apply)
    }
}
