//! A process that goes on without its caller: not in its terminal's session, not in its directory, with none of its streams.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use process::{DescriptorError, Diagnose, FailureKind, Gate};

/// Why a process is still its caller's.
#[derive(Debug, thiserror::Error)]
pub enum DetachError {
    /// A call.
    #[error("{action}: {errno}")]
    Kernel {
        /// What we were doing.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
    /// What the caller has open.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
}

impl Diagnose for DetachError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Descriptors)
    }

    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Kernel { .. }).then_some(FailureKind::System)
    }
}

/// Leaves the caller, in a child that it has just cloned. A session of its own: neither `^C` nor the end of a terminal is
/// heard any more. No directory of a file system that somebody wants to unmount, no stream that a pipeline waits for the
/// end of. Of all that is open, `kept` stays, and the gate.
///
/// # Errors
/// [`DetachError`].
// ANCHOR: detach
pub fn detach(gate: &Gate, kept: &[BorrowedFd]) -> Result<(), DetachError> {
    let failed = |action| move |errno| DetachError::Kernel { action, errno };
    // ANCHOR: ex_detach
    setsid().map_err(failed("start a session"))?;
    chdir("/").map_err(failed("leave the working directory"))?;
    leave_streams().map_err(failed("leave the standard streams"))?;
    Ok(gate.close_all_but(kept)?)
    // ANCHOR_END: ex_detach
}
// ANCHOR_END: detach

/// The null device in their place.
fn leave_streams() -> Result<(), Errno> {
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)
}
