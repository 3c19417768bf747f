//! How a process gets into a group before it can do anything uncounted.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::write;

use crate::directory::FileError;
use crate::error::CgroupError;

/// The files by which the calling process can move itself, open. Made outside, used inside: the child of a `clone3` has
/// them too, whatever it may open by name.
///
/// When one process moves *another*, the kernel first makes sure that nobody forks or exits anywhere on the machine,
/// which takes 5 to 20 ms. That is so also for a process that moves itself by `cgroup.procs`, which moves all of its threads.
/// A thread that moves itself alone, by v1's `tasks`, needs no such care (`cgroup_procs_write_start` in the kernel's
/// `kernel/cgroup/cgroup.c`), and is in after some 50 µs.
#[derive(Debug)]
pub struct Entrance(Vec<(PathBuf, OwnedFd)>);

impl Entrance {
    pub(crate) fn new(doors: Vec<(PathBuf, OwnedFd)>) -> Self {
        Self(doors)
    }

    /// Moves the calling process, which must have one thread, into the group.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn enter(&self) -> Result<(), CgroupError> {
        for (path, door) in &self.0 {
            // 0 means the writer.
            write(door, b"0").map_err(|errno: Errno| FileError::new("write \"0\" to", path, errno))?;
        }
        Ok(())
    }
}

/// Gives the calling process a cgroup namespace of its own, in which its present group looks like the top.
///
/// To be called after it has entered. `clone3` with `CLONE_NEWCGROUP` would be too early: there the top is its maker's
/// group, and the container sees the path to its own.
///
/// # Errors
/// [`CgroupError::Namespace`].
// ANCHOR: new_cgroup_namespace
pub fn new_cgroup_namespace() -> Result<(), CgroupError> {
    unshare(CloneFlags::CLONE_NEWCGROUP).map_err(CgroupError::Namespace)
}
// ANCHOR_END: new_cgroup_namespace
