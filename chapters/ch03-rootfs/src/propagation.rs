//! Cutting the tie between our mount table and the host's.
//!
//! A new mount namespace begins as a copy, and copies of *shared* mounts stay connected: what is mounted in one appears
//! in the other. On a host with systemd every mount is shared.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// The propagation could not be changed.
#[derive(Debug, Error)]
#[error("make all mounts {kind}: {errno}")]
pub struct PropagationError {
    kind: &'static str,
    errno: Errno,
}

impl PropagationError {
    /// The kernel's reason.
    pub fn errno(&self) -> Errno {
        self.errno
    }
}

impl Diagnose for PropagationError {
    fn kind(&self) -> Option<FailureKind> {
        Some(self.errno.into())
    }

    fn hint(&self) -> Option<String> {
        (self.errno == Errno::EPERM).then(|| "needs CAP_SYS_ADMIN in the mount namespace's user namespace".into())
    }
}

/// Makes every mount of this namespace private, or with `receive` a slave: host mounts still come in, ours do not go
/// out. To be called in a new mount namespace, before the first mount.
///
/// # Errors
/// [`PropagationError`].
// ANCHOR: isolate
pub fn isolate(receive: bool) -> Result<(), PropagationError> {
    // ANCHOR: ex_isolate
    let (kind, flag) = if receive { ("slave", MsFlags::MS_SLAVE) } else { ("private", MsFlags::MS_PRIVATE) };
    mount(None::<&str>, "/", None::<&str>, flag | MsFlags::MS_REC, None::<&str>)
        .map_err(|errno| PropagationError { kind, errno })
    // ANCHOR_END: ex_isolate
}
// ANCHOR_END: isolate
