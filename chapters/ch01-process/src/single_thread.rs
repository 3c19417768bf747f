//! The right to clone: proof that this process has one thread.
//!
//! A clone copies all memory and one thread. A lock that another thread held at that moment (the allocator's, for one)
//! stays locked in the copy for ever, and the child hangs the first time it needs it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rustix::thread::sched_yield;

/// Made by looking, and used up by one [`clone3`](crate::sys::clone3): nobody can clone who has not looked just before.
#[derive(Debug)]
pub struct SingleThread(());

impl SingleThread {
    /// Asks the kernel; `None` when there are other threads.
    ///
    /// `unshare(CLONE_THREAD)` does nothing for a process with one thread and is `EINVAL` for others (`unshare(2)`).
    /// Where a filter forbids `unshare`, as inside a container, the links of `/proc/self/task` count the threads.
    ///
    /// One that has been joined may be among them for a moment: the kernel wakes the joiner first, and puts the thread away
    /// afterwards (`CLONE_CHILD_CLEARTID` in `clone(2)`). It gets the time to go.
    pub fn check() -> Option<Self> {
        const PATIENCE: Duration = Duration::from_secs(1);
        let mut since = None;
        while !is_alone() {
            if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return None;
            }
            sched_yield();
        }
        Some(Self(()))
    }
}

fn is_alone() -> bool {
    match unshare(CloneFlags::CLONE_THREAD) {
        Ok(()) => true,
        Err(Errno::EINVAL) => false,
        Err(_) => threads() == Some(1),
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
