//! Ending a group's processes from a place where its directory is out of reach, and has to be: inside a container.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::uio::pread;
use nix::unistd::write;
use rustix::thread::sched_yield;

use crate::leave::kill;

/// How long the group may take to stand still.
const PATIENCE: Duration = Duration::from_secs(2);

/// Some files of one group, open. Unlike a descriptor of its directory they lead nowhere else.
#[derive(Debug)]
pub struct Killer {
    /// `cgroup.kill`: v2 since Linux 5.14.
    pub(crate) at_once: Option<OwnedFd>,
    /// `cgroup.procs`.
    pub(crate) members: OwnedFd,
    /// The file that stops the group, what to write to it for that, and to let it go; what it says when all stand still.
    pub(crate) freezer: Option<(OwnedFd, &'static str, &'static str)>,
}

impl Killer {
    /// Its descriptors, for who closes all others.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let freezer = self.freezer.as_ref().map(|(file, ..)| file);
        [self.at_once.as_ref(), Some(&self.members), freezer].into_iter().flatten().map(AsFd::as_fd).collect()
    }

    /// Sends `SIGKILL` to every process of the group, as the caller's PID namespace counts them, and does not wait for
    /// their end. Quiet: who does it inside has nobody to tell.
    pub fn kill(&self) {
        if let Some(file) = &self.at_once
            && write(file, b"1").is_ok()
        {
            return;
        }
        if let Some((file, stop, _)) = &self.freezer
            && write(file, stop.as_bytes()).is_ok()
        {
            let until = Instant::now() + PATIENCE;
            // Nobody may fork between the list and the last signal.
            while read(file).trim() != *stop && Instant::now() < until {
                sched_yield();
            }
        }
        let procs: Vec<i32> = read(&self.members).lines().filter_map(|line| line.parse().ok()).collect();
        kill(&procs.into_iter().filter(|pid| *pid > 0).collect::<Vec<_>>());
        if let Some((file, _, go)) = &self.freezer {
            let _ = write(file, go.as_bytes());
        }
    }
}

/// The whole file from its start, as far as it can be read.
fn read(file: &OwnedFd) -> String {
    let (mut content, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match pread(file, &mut buffer, i64::try_from(content.len()).unwrap_or(i64::MAX)) {
            Ok(length @ 1..) => content.extend_from_slice(&buffer[..length]),
            Err(Errno::EINTR) => {}
            _ => return String::from_utf8_lossy(&content).into_owned(),
        }
    }
}
