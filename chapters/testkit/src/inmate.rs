//! A process that goes somewhere, says one thing and stays, so that a test can look at it from outside.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe};

/// A child that lives until it is dropped. Made by a plain fork, so that a hole in chapter 1 fails no other chapter.
#[derive(Debug)]
pub struct Inmate {
    pid: Pid,
    said: String,
    door: Option<File>,
}

impl Inmate {
    /// Forks; the child runs `inside` and reports what that returns.
    ///
    /// # Panics
    /// If `inside` does: its message is printed before.
    #[allow(unsafe_code, reason = "fork in a process with one thread")]
    pub fn new(inside: impl FnOnce() -> String) -> Self {
        let (hear, say) = pipe().expect("a pipe");
        let (hold, door) = pipe().expect("a pipe");
        // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Child => {
                drop((hear, door));
                let said =
                    catch_unwind(AssertUnwindSafe(inside)).map_or_else(|_| "!".into(), |said| format!("={said}"));
                let _ = File::from(say).write_all(said.as_bytes());
                // Until the parent lets go of the other end.
                let _ = File::from(hold).read(&mut [0]);
                std::process::exit(0)
            }
            ForkResult::Parent { child: pid } => {
                drop((say, hold));
                let mut said = String::new();
                File::from(hear).read_to_string(&mut said).expect("what the inmate says");
                // Made before the verdict, so that one that failed is let go too.
                let mut inmate = Self { pid, said: String::new(), door: Some(File::from(door)) };
                match said.strip_prefix('=') {
                    Some(text) => inmate.said.push_str(text),
                    None if said.is_empty() => {
                        let end = waitpid(pid, None).map_or_else(|errno| errno.to_string(), |end| ending(&end));
                        panic!("the process inside ended before it had done its part, by {end}");
                    }
                    None => panic!("the process inside panicked, as it says above"),
                }
                inmate
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What `inside` returned.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// A file of its `/proc` directory, read by us, without space around it; the reason where it cannot be read.
    pub fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid))
            .map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
    }
}

/// How it ended, in words.
fn ending(end: &WaitStatus) -> String {
    match end {
        WaitStatus::Exited(_, code) => format!("exit status {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("signal {}", *signal as i32),
        other => format!("{other:?}"),
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        drop(self.door.take());
        // One that was made later has a copy of the door, and would hold it open.
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}
