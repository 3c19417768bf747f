//! The end of a group: everybody in it killed, everybody waited for, the directory removed.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::thread::sched_yield;

use crate::directory::{Directory, FileError, remove_tree};
use crate::error::CgroupError;

/// How long a killed process may take to be gone. It has to give back its memory first.
const PATIENCE: Duration = Duration::from_secs(2);

/// A group whose members can be listed and stopped.
pub(crate) trait Members {
    fn list(&self) -> Result<Vec<i32>, CgroupError>;
    fn hold(&self) -> Result<(), CgroupError>;
    fn let_go(&self) -> Result<(), CgroupError>;
}

/// Ends every process of a group by signals, and returns when they are gone.
///
/// Between the list and the last signal a process can fork, and its child is on no list. So they are stopped first. A
/// stopped process does not even die: let go, it finds the signal before it runs one more instruction.
// ANCHOR: kill_members
pub(crate) fn kill_members(group: &impl Members) -> Result<(), CgroupError> {
    // ANCHOR: ex_kill
    while !group.list()?.is_empty() {
        // Where nothing can be frozen, signals alone have to do.
        let _ = group.hold();
        let killed = kill(&group.list()?);
        group.let_go()?;
        wait_for(&killed, None);
    }
    Ok(())
    // ANCHOR_END: ex_kill
}
// ANCHOR_END: kill_members

/// Sends `SIGKILL` to each, and returns what to wait for. A process that is gone already cannot be opened: all the better.
pub(crate) fn kill(procs: &[i32]) -> Vec<OwnedFd> {
    let held = open(procs);
    for process in &held {
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
    held
}

fn open(procs: &[i32]) -> Vec<OwnedFd> {
    procs.iter().filter_map(|pid| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok()).collect()
}

/// Waits until all have ended. A pidfd is readable from then on: nobody asks twice.
pub(crate) fn wait_for(processes: &[OwnedFd], until: Option<Instant>) {
    for process in processes {
        let left = until.map_or(Ok(PollTimeout::NONE), |until| {
            PollTimeout::try_from(until.saturating_duration_since(Instant::now()))
        });
        let mut interest = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        while poll(&mut interest, left.unwrap_or(PollTimeout::MAX)) == Err(Errno::EINTR) {}
    }
}

/// Removes the groups and those below them, each also if another one stays. Whoever is just dying in there is waited for.
pub(crate) fn remove<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), FileError> {
    let until = Instant::now() + PATIENCE;
    paths.into_iter().map(|path| remove_one(path, until)).fold(Ok(()), Result::and)
}

fn remove_one(path: &Path, until: Instant) -> Result<(), FileError> {
    loop {
        match remove_tree(path) {
            Err(error) if error.errno() == Errno::EBUSY && Instant::now() < until => {
                let procs = Directory::open(path.into()).and_then(|group| group.procs()).unwrap_or_default();
                let held = open(&procs);
                if held.is_empty() {
                    // Ended, and not quite out yet: a matter of the processor that it ran on.
                    sched_yield();
                }
                wait_for(&held, Some(until));
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests;
