//! `process.ioPriority`: whose reads and writes go first, where the disk's scheduler asks for it (`ioprio_set(2)`).

use process::sys::attributes::ioprio_set;
use serde::{Deserialize, Serialize};

use super::{AttributeError, failed, invalid};

/// The kernel's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IoClass {
    /// First of all.
    #[serde(rename = "IOPRIO_CLASS_RT")]
    RealTime,
    /// As everybody.
    #[serde(rename = "IOPRIO_CLASS_BE")]
    BestEffort,
    /// When nobody else wants the disk.
    #[serde(rename = "IOPRIO_CLASS_IDLE")]
    Idle,
}

/// Class, and level in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoPriority {
    /// The class.
    pub class: IoClass,
    /// 0 is first, 7 is last.
    #[serde(default)]
    pub priority: i64,
}

impl IoPriority {
    /// That the level is one.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`].
    pub fn checked(&self) -> Result<(), AttributeError> {
        self.level().map(drop)
    }

    /// Sets it for this process and all that come of it.
    ///
    /// # Errors
    /// [`AttributeError`]: `EPERM` for the first class without `CAP_SYS_NICE`.
    pub fn apply(&self) -> Result<(), AttributeError> {
        let class = match self.class {
            IoClass::RealTime => 1,
            IoClass::BestEffort => 2,
            IoClass::Idle => 3,
        };
        ioprio_set(class, self.level()?).map_err(failed("set the priority of input and output"))
    }

    fn level(&self) -> Result<u16, AttributeError> {
        let level = u16::try_from(self.priority).ok().filter(|level| *level <= 7);
        level.ok_or_else(|| invalid("ioPriority.Priority", self.priority.to_string()))
    }
}
