//! Who has called the shim: each with a line to it, and perhaps with pipes for what the program prints.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use process::Failure;
use process::relay::Stream;

use super::tap::{LIMIT, Tap};
use crate::wire::{Answer, Line, PROTOCOL, Request};

/// One of them.
#[derive(Debug)]
pub(super) struct Client {
    line: Line,
    taps: [Option<Tap>; 2],
    /// Hears of the end.
    waits: bool,
    role: Role,
    /// Not to be served any more.
    pub(super) gone: bool,
    /// All was said; only what it has not read yet is to come, and then this.
    end: Option<u8>,
}

/// How it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It started the program and is its reader: when this one is slow, the program waits, as in any pipeline. When it has
    /// stopped reading, the program goes on, and what it prints waits on the disk.
    First {
        /// Wants the way in.
        stdin: bool,
    },
    /// It came later. If it is too slow, it is left behind.
    Caller,
}

/// The streams of one who is there from the start.
#[derive(Debug)]
pub(crate) struct Seat {
    /// The line to it.
    pub(crate) line: Line,
    /// Pipes for standard output and standard error.
    pub(crate) taps: [Option<OwnedFd>; 2],
    /// Wants the way in.
    pub(crate) stdin: bool,
}

impl Seat {
    /// All that must stay open in the shim.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let taps = self.taps.iter().flatten().map(OwnedFd::as_fd);
        taps.chain([self.line.as_fd()]).collect()
    }
}

impl Client {
    /// One who has called.
    pub(super) fn greet(line: Line) -> Option<Self> {
        line.send(&Answer::Hello { protocol: PROTOCOL }, &[]).ok()?;
        Some(Self { line, taps: [None, None], waits: false, role: Role::Caller, gone: false, end: None })
    }

    /// One who was there from the start.
    pub(super) fn seated(seat: Seat) -> Self {
        let taps = seat.taps.map(|tap| tap.map(Tap::new));
        Self { line: seat.line, taps, waits: true, role: Role::First { stdin: seat.stdin }, gone: false, end: None }
    }

    pub(super) fn wants_stdin(&self) -> bool {
        self.role == Role::First { stdin: true }
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Gives it the streams that it asked for; nothing that was printed before.
    pub(super) fn attach(&mut self, stdout: bool, stderr: bool, pipes: Vec<OwnedFd>) {
        let mut pipes = pipes.into_iter().map(Tap::new);
        self.taps = [stdout.then(|| pipes.next()).flatten(), stderr.then(|| pipes.next()).flatten()];
        self.waits = true;
    }

    pub(super) fn wait(&mut self) {
        self.waits = true;
    }

    /// What it says next. `Err` when it is gone, or talks nonsense.
    pub(super) fn hear(&self) -> Result<(Request, Vec<OwnedFd>), ()> {
        self.line.receive_now().ok().flatten().ok_or(())
    }

    /// Answers. One who does not listen is gone.
    pub(super) fn answer(&self, answer: &Answer, descriptor: Option<BorrowedFd>) -> Result<(), ()> {
        self.line.send(answer, descriptor.as_slice()).map_err(drop)
    }

    pub(super) fn done(&self, result: Result<(), Failure>) -> Result<(), ()> {
        self.answer(&result.map_or_else(Answer::Failed, |()| Answer::Done), None)
    }

    /// Passes on what was printed; what the first does not take waits in a file in `home`. `Err` when it is not to be served
    /// any more.
    pub(super) fn print(&mut self, stream: Stream, bytes: &[u8], home: &Path) -> Result<(), ()> {
        let slot = &mut self.taps[usize::from(matches!(stream, Stream::Stderr))];
        let Some(tap) = slot else { return Ok(()) };
        if tap.has_stopped() {
            tap.spill(home);
        }
        if tap.write(bytes).is_err() {
            // It has closed this stream, and may still want to hear of the end.
            *slot = None;
        } else if tap.behind() > LIMIT && self.role == Role::Caller {
            return Err(());
        }
        Ok(())
    }

    /// Whether the program has to wait for it.
    pub(super) fn is_full(&self) -> bool {
        self.role != Role::Caller && self.taps.iter().flatten().any(|tap| tap.behind() > LIMIT && !tap.has_stopped())
    }

    /// After how long the program need not wait for it any more.
    pub(super) fn stops_in(&self) -> Option<Duration> {
        self.taps.iter().flatten().filter_map(Tap::stops_in).filter(|left| !left.is_zero()).min()
    }

    fn has_all(&self) -> bool {
        self.taps.iter().flatten().all(|tap| tap.behind() == 0)
    }

    /// Streams that wait for room.
    pub(super) fn behind(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.taps.iter().flatten().filter(|tap| tap.behind() > 0).map(AsFd::as_fd)
    }

    pub(super) fn catch_up(&mut self) {
        for slot in &mut self.taps {
            if slot.as_mut().is_some_and(|tap| tap.behind() > 0 && tap.catch_up().is_err()) {
                *slot = None;
            }
        }
    }

    /// The program has ended with `code`: it is told when it has all that was printed.
    pub(super) fn end_with(&mut self, code: u8) {
        self.end = Some(code);
    }

    /// Whether it has all that it will get. Its streams are closed first, then it hears of the end.
    pub(super) fn is_served(&mut self) -> bool {
        let Some(code) = self.end.filter(|_| self.has_all()) else { return false };
        self.taps = [None, None];
        if self.waits {
            let _ = self.answer(&Answer::Ended { code }, None);
        }
        true
    }
}
