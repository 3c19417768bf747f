//! A compiled filter, ready for the kernel.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use process::step;
use process::sys::{self, SockFilter};

use super::cache;
use super::compile::{SeccompError, compile};
use super::oci::Seccomp;
use super::rules::notifies;

/// Who is asked about calls that the filter does not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Their socket.
    pub path: PathBuf,
    /// What is told to them besides; nothing if empty.
    pub metadata: String,
}

/// A program for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<SockFilter>,
    flags: u64,
    listener: Option<Listener>,
    /// For the narration.
    from_cache: bool,
}

impl Filter {
    /// Compiles.
    ///
    /// # Errors
    /// [`SeccompError`].
    pub fn compile(seccomp: &Seccomp) -> Result<Self, SeccompError> {
        let listener = listener(seccomp)?;
        let flags = flags(seccomp, listener.is_some())?;
        Ok(Self { program: compile(seccomp)?, flags, listener, from_cache: false })
    }

    /// Takes the program from `directory`, or compiles it and leaves it there for the next time. A cache that cannot be
    /// used is no error: it only costs time.
    ///
    /// # Errors
    /// As [`Filter::compile`].
    pub fn cached(seccomp: &Seccomp, directory: &Path) -> Result<Self, SeccompError> {
        let listener = listener(seccomp)?;
        let flags = flags(seccomp, listener.is_some())?;
        let (program, from_cache) = cache::cached(seccomp, directory, compile)?;
        Ok(Self { program, flags, listener, from_cache })
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
        self.narrate();
        Ok(())
    }
    // ANCHOR_END: load

    /// The same for a filter with a [`Filter::listener`], who is to get the descriptor: a call that they are asked about
    /// does not return before they answer.
    ///
    /// # Errors
    /// As [`Filter::load`].
    pub fn load_and_listen(&self) -> Result<OwnedFd, SeccompError> {
        sys::seccomp_set_filter_and_listen(self.flags, &self.program).map_err(SeccompError::Load)
    }

    /// Who is asked about some calls.
    pub fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    /// Tells that it is in force; after [`Filter::load_and_listen`] only when somebody listens, for this may be a call that
    /// they are asked about.
    pub fn narrate(&self) {
        let origin = if self.from_cache { "from the cache" } else { "compiled" };
        step!(5, "seccomp filter of {} instructions, {origin}, in force", self.program.len());
    }
}

fn listener(seccomp: &Seccomp) -> Result<Option<Listener>, SeccompError> {
    let (path, metadata) = (PathBuf::from(&seccomp.listener_path), seccomp.listener_metadata.clone());
    Ok(notifies(seccomp)?.then_some(Listener { path, metadata }))
}

/// `<linux/seccomp.h>`. `TSYNC` concerns other threads, and there are none; `WAIT_KILLABLE_RECV` the listener, if there is
/// one.
fn flags(seccomp: &Seccomp, listens: bool) -> Result<u64, SeccompError> {
    seccomp.flags.iter().try_fold(0, |flags, name| match name.as_str() {
        "SECCOMP_FILTER_FLAG_LOG" => Ok(flags | 2),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(flags | 4),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" if listens => Ok(flags | 0x20),
        "SECCOMP_FILTER_FLAG_TSYNC" | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => Ok(flags),
        other => Err(SeccompError::Flag(other.into())),
    })
}
