//! On which processors a process begins that joins a container: `process.execCPUAffinity`.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use process::numbers;
use serde::{Deserialize, Serialize};

use super::{AttributeError, failed, invalid};

/// Lists of processors. They concern only who joins: a container's first process is where its group lets it be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecCpuAffinity {
    /// While it moves into the container's control group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub initial: String,
    /// From then on. Without, it is where the kernel has it in that group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#final: String,
}

/// The processors of this process as they were; dropped, they are that again.
#[derive(Debug)]
pub struct Elsewhere(CpuSet);

impl ExecCpuAffinity {
    /// That both are lists of processors.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`].
    pub fn checked(&self) -> Result<(), AttributeError> {
        set("process.execCPUAffinity.initial", &self.initial)?;
        set("process.execCPUAffinity.final", &self.r#final).map(drop)
    }

    /// Moves this process to the first processors, so that a child begins there.
    ///
    /// # Errors
    /// [`AttributeError`]: `EINVAL` where there is none of them.
    pub fn begin(&self) -> Result<Option<Elsewhere>, AttributeError> {
        let Some(wanted) = set("process.execCPUAffinity.initial", &self.initial)? else { return Ok(None) };
        let before = sched_getaffinity(Pid::from_raw(0)).map_err(failed("ask for the processors of this process"))?;
        go("set the initial processors", &wanted)?;
        Ok(Some(Elsewhere(before)))
    }

    /// Moves this process, which is in the group, to where it stays.
    ///
    /// # Errors
    /// As [`ExecCpuAffinity::begin`].
    pub fn apply(&self) -> Result<(), AttributeError> {
        let wanted = set("process.execCPUAffinity.final", &self.r#final)?;
        wanted.map_or(Ok(()), |wanted| go("set the final processors", &wanted))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}

fn go(action: &'static str, wanted: &CpuSet) -> Result<(), AttributeError> {
    sched_setaffinity(Pid::from_raw(0), wanted).map_err(failed(action))
}

fn set(field: &'static str, list: &str) -> Result<Option<CpuSet>, AttributeError> {
    let numbers = numbers::parse(list).map_err(|reason| invalid(field, reason))?;
    let mut found = CpuSet::new();
    for number in &numbers {
        found.set(*number).map_err(|_| invalid(field, format!("{number} is no processor")))?;
    }
    Ok((!numbers.is_empty()).then_some(found))
}
