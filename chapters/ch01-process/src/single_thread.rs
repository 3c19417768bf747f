//! The right to clone: proof that this process has one thread.
//!
//! A clone copies all memory and one thread. A lock that another thread held at that moment (the allocator's, for one)
//! stays locked in the copy for ever, and the child hangs the first time it needs it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

/// Made by looking, and used up by one [`clone3`](crate::sys::clone3): nobody can clone who has not looked just before.
#[derive(Debug)]
pub struct SingleThread(());

impl SingleThread {
    /// Asks the kernel; `None` when there are other threads.
    ///
    /// `unshare(CLONE_THREAD)` does nothing for a process with one thread and is `EINVAL` for others (`unshare(2)`).
    /// Where a filter forbids `unshare`, as inside a container, the links of `/proc/self/task` count the threads.
    pub fn check() -> Option<Self> {
        let alone = match unshare(CloneFlags::CLONE_THREAD) {
            Ok(()) => true,
            Err(Errno::EINVAL) => false,
            Err(_) => threads() == Some(1),
        };
        alone.then_some(Self(()))
    }
}

/// One directory for each thread, and `.` and `..`.
fn threads() -> Option<u64> {
    Some(fs::metadata("/proc/self/task").ok()?.nlink() - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libtest runs this on a second thread.
    #[test]
    fn a_process_with_threads_has_no_right_to_clone() {
        assert!(SingleThread::check().is_none());
        assert!(threads() > Some(1));
    }
}
