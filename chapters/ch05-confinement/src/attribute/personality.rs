//! `linux.personality`: which kernel the program believes to run on (`personality(2)`). Most of what that call can do makes
//! a process easier to attack, so the specification has no flags.

use process::sys::attributes::personality;
use serde::{Deserialize, Serialize};

use super::{AttributeError, failed, invalid};

/// Execution domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Domain {
    /// What the kernel is.
    Linux,
    /// `uname` says that the processor has 32 bits.
    Linux32,
}

/// A domain, and flags, of which there are none yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personality {
    /// The domain.
    pub domain: Domain,
    /// To be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

impl Personality {
    /// That it has no flags.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`].
    pub fn checked(&self) -> Result<(), AttributeError> {
        match self.flags.first() {
            None => Ok(()),
            Some(flag) => Err(invalid("linux.personality.flags", format!("{flag:?}, and there are no flags"))),
        }
    }

    /// Sets it for this process and all that come of it.
    ///
    /// # Errors
    /// [`AttributeError::Kernel`].
    pub fn apply(&self) -> Result<(), AttributeError> {
        // <linux/personality.h>: PER_LINUX, PER_LINUX32.
        let number = match self.domain {
            Domain::Linux => 0,
            Domain::Linux32 => 8,
        };
        personality(number).map_err(failed("set the personality"))
    }
}
