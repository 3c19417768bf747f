//! The program, as its shim has it: its end, its streams, its group.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::read;
use process::relay::Stream;
use process::{Child, DescriptorError, ExitStatus, Failure, Spawn, SpawnError, sys};
use runtime::Running;

use crate::launch::Launched;
use crate::saved::Saved;

const PORTION: usize = 64 * 1024;
/// What a program has left in its pipe is read in much less.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Where it prints, and as which stream that counts.
pub(super) type Output = (OwnedFd, Stream);

/// One life of it.
#[derive(Debug)]
pub(super) struct Program {
    running: Running,
    root: OwnedFd,
    /// What is read of it, until it is closed.
    pub(super) outputs: Vec<Output>,
    closed: Vec<bool>,
    terminal: Option<OwnedFd>,
    stdin: Option<OwnedFd>,
    /// Whether the way in closes behind the first who goes there.
    once: bool,
    paused: bool,
    /// How it ended, once it has.
    pub(super) status: Option<ExitStatus>,
    ended: Option<Instant>,
}

impl Program {
    pub(super) fn new(launched: Launched, saved: &Saved) -> Self {
        let Launched { mut running, root } = launched;
        let ends = std::mem::take(&mut running.ends);
        let mut outputs = Vec::with_capacity(2);
        outputs.extend(ends.stdout.map(|pipe| (pipe, Stream::Stdout)));
        outputs.extend(ends.stderr.map(|pipe| (pipe, Stream::Stderr)));
        let copy = ends.terminal.as_ref().and_then(|terminal| terminal.try_clone().ok());
        outputs.extend(copy.map(|terminal| (terminal, Stream::Stdout)));
        Self {
            running,
            root,
            closed: vec![false; outputs.len()],
            outputs,
            terminal: ends.terminal,
            stdin: ends.stdin,
            once: saved.create.config.stdin_once,
            paused: false,
            status: None,
            ended: None,
        }
    }

    /// Readable when it has ended, until it is [reaped](Self::reap).
    pub(super) fn end_to_come(&self) -> Option<BorrowedFd<'_>> {
        self.status.is_none().then(|| self.running.child().as_fd())
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.running.child().as_fd()
    }

    /// After its end: nothing of it goes on, and nothing holds its output open that could be ended.
    pub(super) fn reap(&mut self) {
        let (child, cgroup) = self.running.parts();
        self.status = Some(child.wait().unwrap_or(ExitStatus::Signal(Signal::SIGKILL as i32)));
        let _ = cgroup.kill();
        self.ended = Some(Instant::now());
    }

    /// Whether it has ended so long ago that what is still printed is not its own: somebody outside has its output open.
    pub(super) fn is_long_over(&self) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed() > LAST_WORDS)
    }

    /// Reads one portion of an output into `buffer`; nothing, if it is over.
    pub(super) fn read(&mut self, index: usize, buffer: &mut Vec<u8>) -> Stream {
        let (output, stream) = &self.outputs[index];
        buffer.resize(PORTION, 0);
        let length = match read(output, buffer) {
            Ok(length @ 1..) => length,
            Err(Errno::EINTR | Errno::EAGAIN) => 0,
            // EIO is how a terminal's master says that no slave is open any more.
            Ok(0) | Err(_) => {
                self.closed[index] = true;
                0
            }
        };
        buffer.truncate(length);
        *stream
    }

    /// Forgets the outputs that are over.
    pub(super) fn forget_closed(&mut self) {
        let mut closed = std::mem::take(&mut self.closed).into_iter();
        self.outputs.retain(|_| !closed.next().unwrap_or(false));
        self.closed = vec![false; self.outputs.len()];
    }

    /// For somebody who types: the terminal, or the pipe.
    pub(super) fn way_in(&mut self) -> Option<OwnedFd> {
        if let Some(terminal) = &self.terminal {
            return terminal.try_clone().ok();
        }
        if self.once { self.stdin.take() } else { self.stdin.as_ref().and_then(|pipe| pipe.try_clone().ok()) }
    }

    /// Sends a signal. What stands still does not even die: it is let go for `SIGKILL`.
    pub(super) fn signal(&mut self, number: i32) -> Result<(), Failure> {
        self.running.parts().0.signal(number)?;
        if self.paused && number == Signal::SIGKILL as i32 {
            self.unpause()?;
        }
        Ok(())
    }

    pub(super) fn pause(&mut self) -> Result<(), Failure> {
        self.running.parts().1.freeze()?;
        self.paused = true;
        Ok(())
    }

    pub(super) fn unpause(&mut self) -> Result<(), Failure> {
        self.running.parts().1.thaw()?;
        self.paused = false;
        Ok(())
    }

    /// Whether its group had to kill for want of memory. Without the controller there is no such limit.
    pub(super) fn oom_killed(&mut self) -> bool {
        self.running.parts().1.oom_kills().is_ok_and(|kills| kills > 0)
    }

    /// What it leaves in the kernel.
    pub(super) fn end(self) -> Remains {
        Remains { group: self.running.end().ok(), root: self.root }
    }
}

/// What a program leaves in the kernel when it has ended: its group, empty, and its file system, which is mounted nowhere any
/// more, and for which the disk is waited for when this is dropped.
#[derive(Debug)]
pub(super) struct Remains {
    group: Option<cgroups::Cgroup>,
    root: OwnedFd,
}

impl Remains {
    /// Clears it in a process of its own, which keeps `life` as long. Who asks meanwhile is heard.
    pub(super) fn clear_aside(self, life: BorrowedFd) -> Result<Child, SpawnError> {
        let pending = Spawn::new().start(|gate| -> Result<Infallible, DescriptorError> {
            gate.close_all_but(&[self.root.as_fd(), life])?;
            gate.done();
            self.clear();
            sys::exit_now(0)
        })?;
        pending.release()
    }

    pub(super) fn clear(self) {
        let _ = self.group.map(|group| group.remove());
    }
}
