//! `process.scheduler`: who gets a processor first (`sched(7)`, `sched_setattr(2)`).

use process::sys::attributes::{SchedAttributes, sched_setattr};
use serde::{Deserialize, Serialize};

use super::{AttributeError, failed, invalid};

/// The kernel's policies; numbers from `<linux/sched.h>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names say all there is")]
pub enum Policy {
    #[serde(rename = "SCHED_OTHER")]
    Other = 0,
    #[serde(rename = "SCHED_FIFO")]
    Fifo = 1,
    #[serde(rename = "SCHED_RR")]
    RoundRobin = 2,
    #[serde(rename = "SCHED_BATCH")]
    Batch = 3,
    /// Reserved, and refused by every kernel.
    #[serde(rename = "SCHED_ISO")]
    Iso = 4,
    #[serde(rename = "SCHED_IDLE")]
    Idle = 5,
    #[serde(rename = "SCHED_DEADLINE")]
    Deadline = 6,
}

/// The kernel's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names say all there is")]
pub enum SchedulerFlag {
    #[serde(rename = "SCHED_FLAG_RESET_ON_FORK")]
    ResetOnFork = 0x01,
    #[serde(rename = "SCHED_FLAG_RECLAIM")]
    Reclaim = 0x02,
    #[serde(rename = "SCHED_FLAG_DL_OVERRUN")]
    DeadlineOverrun = 0x04,
    #[serde(rename = "SCHED_FLAG_KEEP_POLICY")]
    KeepPolicy = 0x08,
    #[serde(rename = "SCHED_FLAG_KEEP_PARAMS")]
    KeepParams = 0x10,
    #[serde(rename = "SCHED_FLAG_UTIL_CLAMP_MIN")]
    UtilClampMin = 0x20,
    #[serde(rename = "SCHED_FLAG_UTIL_CLAMP_MAX")]
    UtilClampMax = 0x40,
}

/// Policy, and the parameters that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    /// The policy.
    pub policy: Policy,
    /// For ordinary policies, -20 to 19.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nice: i32,
    /// For real-time policies, 1 to 99.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<SchedulerFlag>,
    /// Nanoseconds, as the next two, for deadlines.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runtime: u64,
    /// Nanoseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deadline: u64,
    /// Nanoseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub period: u64,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

impl Scheduler {
    /// That each parameter is one of the policy's. The kernel would pass over some that are not.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`].
    pub fn checked(&self) -> Result<(), AttributeError> {
        let policy = self.policy;
        if matches!(policy, Policy::Other | Policy::Batch) && !(-20..=19).contains(&self.nice) {
            return Err(invalid("scheduler.nice", format!("{} is not between -20 and 19", self.nice)));
        }
        if self.priority != 0 && !matches!(policy, Policy::Fifo | Policy::RoundRobin) {
            let reason = "scheduler.priority can only be specified for SchedFIFO or SchedRR policy";
            return Err(invalid("process.scheduler", reason));
        }
        if (self.runtime, self.deadline, self.period) != (0, 0, 0) && policy != Policy::Deadline {
            let reason = "scheduler runtime/deadline/period can only be specified for SchedDeadline policy";
            return Err(invalid("process.scheduler", reason));
        }
        Ok(())
    }

    /// Sets it for this process and all that come of it.
    ///
    /// # Errors
    /// [`AttributeError`]: `EPERM` for more than everybody may without `CAP_SYS_NICE`.
    pub fn apply(&self) -> Result<(), AttributeError> {
        let priority = u32::try_from(self.priority);
        let attributes = SchedAttributes {
            policy: self.policy as u32,
            flags: self.flags.iter().fold(0, |flags, flag| flags | *flag as u64),
            nice: self.nice,
            priority: priority.map_err(|_| invalid("scheduler.priority", self.priority.to_string()))?,
            runtime: self.runtime,
            deadline: self.deadline,
            period: self.period,
            ..SchedAttributes::default()
        };
        sched_setattr(attributes).map_err(failed("set the scheduler"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> String {
        let scheduler: Scheduler = serde_json::from_str(json).expect(json);
        scheduler.checked().map_or_else(|error| error.to_string(), |()| "as it should be".into())
    }

    #[test]
    fn a_parameter_of_another_policy_is_a_mistake() {
        let said = [
            r#"{"policy": "SCHED_BATCH", "nice": 19}"#,
            r#"{"policy": "SCHED_OTHER", "nice": 20}"#,
            r#"{"policy": "SCHED_IDLE", "priority": 1}"#,
            r#"{"policy": "SCHED_FIFO", "deadline": 1}"#,
        ]
        .map(checked);
        insta::assert_snapshot!(said.join("\n"), @r"
        as it should be
        invalid scheduler.nice: 20 is not between -20 and 19
        invalid process.scheduler: scheduler.priority can only be specified for SchedFIFO or SchedRR policy
        invalid process.scheduler: scheduler runtime/deadline/period can only be specified for SchedDeadline policy
        ");
    }
}
