//! A child process that is waited for with a limit, and that another thread may end.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::outcome::Hang;
use crate::processes::Look;

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(ExitStatus),
    /// It was ended, because it would not have ended by itself.
    Hung(Hang),
}

/// When waiting makes no sense any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Nobody in it has moved for so long.
    pub(crate) still: Duration,
    /// It has used so much of a processor, in seconds, and nothing came of it. Not by the clock: a machine may be slow.
    pub(crate) busy: u64,
}

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
struct State {
    pid: Option<Pid>,
    cancelled: bool,
}

/// The process that runs now, if any. Clones speak of the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<State>>);

impl Running {
    /// Notes that `child` runs, until [`Running::finish`].
    pub(crate) fn note(&self, child: &Child) {
        let mut state = self.lock();
        state.pid = Some(Pid::from_child(child));
        if state.cancelled {
            drop(state);
            self.cancel();
        }
    }

    /// Nothing runs any more.
    pub(crate) fn finish(&self) {
        self.lock().pid = None;
    }

    /// Ends what runs, with all that it has started, and what would run after it.
    pub(crate) fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        if let Some(pid) = state.pid {
            Look::at(pid).kill();
        }
    }

    /// Whether it was ended from outside.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Waits until `child` ends, and ends it when it hangs. `news` grows with what it has to say.
    pub(crate) fn wait(&self, mut child: Child, patience: Patience, news: &dyn Fn() -> u64) -> io::Result<End> {
        self.note(&child);
        let pid = Pid::from_child(&child);
        let (sender, receiver) = channel();
        let waiter = thread::spawn(move || {
            let status = child.wait();
            // The receiver may have given up.
            let _ = sender.send(());
            status
        });
        let mut watch = Watch::begin(pid, news());
        let mut hang = None;
        while receiver.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            hang = watch.look(pid, patience, news());
            if hang.is_some() {
                Look::at(pid).kill();
                break;
            }
        }
        let status = waiter.join().unwrap_or_else(|_| Err(io::Error::other("the thread that waited panicked")));
        self.finish();
        Ok(hang.map_or(End::Exited(status?), End::Hung))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was seen when something moved last.
struct Watch {
    last: Look,
    since: Instant,
    news: u64,
    /// What it had used of a processor when it last had something to say.
    used: u64,
}

impl Watch {
    fn begin(pid: Pid, news: u64) -> Self {
        Self { last: Look::at(pid), since: Instant::now(), news, used: 0 }
    }

    fn look(&mut self, pid: Pid, patience: Patience, news: u64) -> Option<Hang> {
        let now = Look::at(pid);
        if news != self.news {
            (self.news, self.used) = (news, now.seconds());
        }
        if now.seconds().saturating_sub(self.used) >= patience.busy {
            return Some(Hang { test: now.test(), busy: Some(patience.busy), waits: now.waits() });
        }
        if !now.stands_still_since(&self.last) {
            (self.last, self.since) = (now, Instant::now());
        } else if self.since.elapsed() >= patience.still {
            return Some(Hang { test: now.test(), busy: None, waits: now.waits() });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const PATIENCE: Patience = Patience { still: Duration::from_millis(500), busy: 1 };

    fn wait(script: &str) -> End {
        let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        Running::default().wait(child, PATIENCE, &|| 0).unwrap()
    }

    #[test]
    fn a_process_that_waits_for_ever_is_ended_and_says_where() {
        let End::Hung(hang) = wait("sleep 1000; true") else { panic!("it hangs") };
        assert_eq!(hang.busy, None);
        assert!(hang.waits.iter().any(|line| line.starts_with("sleep, PID ")), "{hang:?}");
    }

    #[test]
    fn a_process_that_runs_for_ever_is_ended_too() {
        let End::Hung(hang) = wait("while :; do :; done") else { panic!("it hangs") };
        assert_eq!(hang.busy, Some(1));
    }

    #[test]
    fn a_process_that_ends_is_waited_for() {
        assert!(matches!(wait("exit 1"), End::Exited(status) if status.code() == Some(1)));
    }

    #[test]
    fn what_is_cancelled_ends_and_so_does_what_comes_after_it() {
        let running = Running::default();
        running.cancel();
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(
            matches!(running.wait(child, PATIENCE, &|| 0).unwrap(), End::Exited(status) if status.code().is_none())
        );
        assert!(running.is_cancelled());
    }
}
