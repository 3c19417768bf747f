//! The time namespace: clocks that count from another start. It moves `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME` (uptime);
//! the time of day is the machine's and stays so.

use std::fmt::Write as _;
use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sched::unshare;
use process::{Diagnose, FailureKind, step};
use serde::{Deserialize, Serialize};

use crate::handle::{Handle, HandleError};
use crate::kind::Kind;
use crate::refusal;

/// A time namespace could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// `unshare(2)` refused.
    #[error("make a time namespace: {0}")]
    Unshare(Errno),
    /// The offsets were refused.
    #[error("write {offsets:?} to /proc/self/timens_offsets: {source}")]
    Offsets {
        /// The text that was written.
        offsets: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The new namespace could not be entered.
    #[error(transparent)]
    Enter(#[from] HandleError),
}

impl Diagnose for TimeError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Enter)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Unshare(errno) => (*errno).into(),
            Self::Offsets { source, .. } => source.into(),
            Self::Enter(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unshare(errno) => refusal::cure(*errno, &[Kind::Time]),
            Self::Offsets { source, .. } => match source.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EACCES) => Some(
                    "offsets can be set only before a process is inside the namespace; then they are frozen".into(),
                ),
                Some(Errno::ERANGE) => Some("the clock would be negative, or show more than 146 years".into()),
                Some(Errno::EPERM) => Some("CAP_SYS_TIME is missing".into()),
                _ => None,
            },
            Self::Enter(_) => None,
        }
    }
}

/// By how much the clocks of a new time namespace differ from those of its maker: the OCI specification's
/// `linux.timeOffsets`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offsets {
    /// For `CLOCK_MONOTONIC`.
    #[serde(skip_serializing_if = "TimeOffset::is_none")]
    pub monotonic: TimeOffset,
    /// For `CLOCK_BOOTTIME`, which `uptime` shows.
    #[serde(skip_serializing_if = "TimeOffset::is_none")]
    pub boottime: TimeOffset,
}

/// The offset of one clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeOffset {
    /// Seconds.
    pub secs: i64,
    /// Nanoseconds, to be added to the seconds.
    pub nanosecs: u32,
}

impl TimeOffset {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whole seconds.
impl From<i64> for TimeOffset {
    fn from(secs: i64) -> Self {
        Self { secs, nanosecs: 0 }
    }
}

impl Offsets {
    /// As `/proc/PID/timens_offsets` takes them; clocks without an offset are left out.
    fn lines(&self) -> String {
        let mut lines = String::new();
        for (clock, offset) in [("monotonic", self.monotonic), ("boottime", self.boottime)] {
            if !offset.is_none() {
                let _ = writeln!(lines, "{clock} {} {}", offset.secs, offset.nanosecs);
            }
        }
        lines
    }
}

/// Leaves the caller's time namespace for a new one, whose clocks differ by `offsets`.
///
/// Three steps, because `unshare(CLONE_NEWTIME)` alone moves only the children to come. The caller must have one thread
/// (`EUSERS`), and must not have changed its user id since it was cloned: its `/proc/self` would belong to root.
///
/// # Errors
/// [`TimeError`].
// ANCHOR: enter_time
pub fn enter_time(offsets: &Offsets) -> Result<(), TimeError> {
    let lines = offsets.lines();
    // ANCHOR: ex_enter_time
    unshare(Kind::Time.clone_flag()).map_err(TimeError::Unshare)?;
    if !lines.is_empty() {
        // One write: the kernel parses what each write brings.
        fs::write("/proc/self/timens_offsets", &lines)
            .map_err(|source| TimeError::Offsets { offsets: lines.clone(), source })?;
    }
    Handle::open(Kind::Time, "/proc/self/ns/time_for_children")?.join()?;
    step!(2, "new time namespace, offsets {lines:?}");
    Ok(())
    // ANCHOR_END: ex_enter_time
}
// ANCHOR_END: enter_time

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clocks_with_an_offset_are_written() {
        assert_eq!(Offsets::default().lines(), "");
        assert_eq!(
            Offsets { boottime: TimeOffset { secs: -60, nanosecs: 5 }, ..Offsets::default() }.lines(),
            "boottime -60 5\n"
        );
    }
}
