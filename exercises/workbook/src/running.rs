//! A child process that is waited for with a limit, and that another thread may end.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(ExitStatus),
    /// It was ended because it took too long.
    TooLong,
}

/// The process that runs now, if any. Clones speak of the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Option<Pid>>>);

impl Running {
    /// Notes that `child` runs, until [`Running::finish`].
    pub(crate) fn note(&self, child: &Child) {
        *self.lock() = Some(Pid::from_child(child));
    }

    /// Nothing runs any more.
    pub(crate) fn finish(&self) {
        *self.lock() = None;
    }

    /// Ends what runs.
    pub(crate) fn kill(&self) {
        if let Some(pid) = *self.lock() {
            // It may have ended by itself just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Waits until `child` ends, and ends it after `limit`.
    pub(crate) fn wait(&self, mut child: Child, limit: Duration) -> io::Result<End> {
        self.note(&child);
        let (sender, receiver) = channel();
        let running = self.clone();
        let waiter = thread::spawn(move || {
            let status = child.wait();
            running.finish();
            // The receiver may have given up.
            let _ = sender.send(());
            status
        });
        let too_long = receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if too_long {
            self.kill();
        }
        let status = waiter.join().unwrap_or_else(|_| Err(io::Error::other("the thread that waited panicked")))?;
        Ok(if too_long { End::TooLong } else { End::Exited(status) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_hangs_is_ended() {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(matches!(Running::default().wait(child, Duration::from_millis(10)).unwrap(), End::TooLong));
    }

    #[test]
    fn a_process_that_ends_is_waited_for() {
        let child = Command::new("false").spawn().unwrap();
        let end = Running::default().wait(child, Duration::from_mins(1)).unwrap();
        assert!(matches!(end, End::Exited(status) if status.code() == Some(1)));
    }
}
