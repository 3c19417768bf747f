//! Leaving the old root for good.
//!
//! `chroot` moves a process's idea of `/`; the old root is still there for who has a descriptor or `CAP_SYS_CHROOT`.
//! `pivot_root` moves the mount itself, and then the old one can be taken away from the whole namespace.

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::unistd::{chdir, fchdir, pivot_root};
use process::{Diagnose, FailureKind};
use std::os::fd::AsFd;
use thiserror::Error;

/// The root could not be changed.
#[derive(Debug, Error)]
#[error("{action}: {errno}")]
pub struct PivotError {
    action: &'static str,
    errno: Errno,
}

impl Diagnose for PivotError {
    fn kind(&self) -> Option<FailureKind> {
        Some(self.errno.into())
    }

    fn hint(&self) -> Option<String> {
        (self.errno == Errno::EINVAL)
            .then(|| "the current root must be a mount that can be moved: not an initramfs, not shared".into())
    }
}

/// Makes the mount `new_root` the root of this mount namespace and forgets the old one. To be called in a new mount
/// namespace whose mounts are private.
///
/// # Errors
/// [`PivotError`].
// ANCHOR: pivot
pub fn pivot(new_root: impl AsFd) -> Result<(), PivotError> {
    let failed = |action| move |errno| PivotError { action, errno };
    // ANCHOR: ex_pivot
    fchdir(new_root.as_fd()).map_err(failed("enter the new root"))?;
    // The old root lands on top of the new one: no directory for it is needed.
    pivot_root(".", ".").map_err(failed("pivot_root"))?;
    // "." is the new root, and so is "/". But umount2 goes on from there to what is mounted on it: the old root.
    umount2(".", MntFlags::MNT_DETACH).map_err(failed("detach the old root"))?;
    // Where we are already, since fchdir. To be sure of it costs nothing (CVE-2024-21626).
    chdir("/").map_err(failed("enter the root"))
    // ANCHOR_END: ex_pivot
}
// ANCHOR_END: pivot
