//! A compiled filter, ready for the kernel.

use std::path::Path;

use process::step;
use process::sys::{self, SockFilter};

use super::cache;
use super::compile::{SeccompError, compile};
use super::oci::Seccomp;

/// A program for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<SockFilter>,
    flags: u64,
    /// For the narration.
    from_cache: bool,
}

impl Filter {
    /// Compiles.
    ///
    /// # Errors
    /// [`SeccompError`].
    pub fn compile(seccomp: &Seccomp) -> Result<Self, SeccompError> {
        Ok(Self { program: compile(seccomp)?, flags: flags(seccomp)?, from_cache: false })
    }

    /// Takes the program from `directory`, or compiles it and leaves it there for the next time. A cache that cannot be
    /// used is no error: it only costs time.
    ///
    /// # Errors
    /// As [`Filter::compile`].
    pub fn cached(seccomp: &Seccomp, directory: &Path) -> Result<Self, SeccompError> {
        let flags = flags(seccomp)?;
        let (program, from_cache) = cache::cached(seccomp, directory, compile)?;
        Ok(Self { program, flags, from_cache })
    }

    /// The program.
    pub fn instructions(&self) -> &[SockFilter] {
        &self.program
    }

    /// Whether no compiling was needed.
    pub fn is_from_cache(&self) -> bool {
        self.from_cache
    }

    /// Puts it in force for this process and all that come of it. It cannot be taken back.
    ///
    /// # Errors
    /// [`SeccompError::Load`]: `EACCES` without `CAP_SYS_ADMIN` and without `no_new_privs`.
    // ANCHOR: load
    pub fn load(&self) -> Result<(), SeccompError> {
        sys::seccomp_set_filter(self.flags, &self.program).map_err(SeccompError::Load)?;
        let origin = if self.from_cache { "from the cache" } else { "compiled" };
        step!(5, "seccomp filter of {} instructions, {origin}, in force", self.program.len());
        Ok(())
    }
    // ANCHOR_END: load
}

/// `<linux/seccomp.h>`. `TSYNC` concerns other threads and `WAIT_KILLABLE_RECV` listeners: there are none of either.
fn flags(seccomp: &Seccomp) -> Result<u64, SeccompError> {
    seccomp.flags.iter().try_fold(0, |flags, name| match name.as_str() {
        "SECCOMP_FILTER_FLAG_LOG" => Ok(flags | 2),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(flags | 4),
        "SECCOMP_FILTER_FLAG_TSYNC" | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => Ok(flags),
        other => Err(SeccompError::Flag(other.into())),
    })
}
