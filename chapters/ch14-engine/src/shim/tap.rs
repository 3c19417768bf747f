//! Where a client hears what the program prints: a pipe, written to without ever waiting.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::write;

use super::spill::Spill;

/// What a reader may be behind, in bytes, before the program waits for it, or it is given up.
pub(super) const LIMIT: usize = 1 << 20;
/// A reader so far behind that takes nothing for so long does not read slowly: it has stopped.
const STOPPED: Duration = Duration::from_secs(1);

/// One stream of one client.
#[derive(Debug)]
pub(super) struct Tap {
    pipe: OwnedFd,
    behind: Vec<u8>,
    /// What comes after that.
    spill: Option<Spill>,
    /// When it was too far behind first, or took something last since.
    waited_for_since: Option<Instant>,
}

impl Tap {
    pub(super) fn new(pipe: OwnedFd) -> Self {
        // The writing end is nobody's but ours, so the flag disturbs no one.
        let _ = fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        Self { pipe, behind: Vec::new(), spill: None, waited_for_since: None }
    }

    /// Passes bytes on, as many as there is room for; the rest later.
    ///
    /// # Errors
    /// `EPIPE` when nobody reads any more.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        if self.behind() == 0 {
            let written = pass(&self.pipe, bytes)?;
            bytes = &bytes[written..];
        }
        match &mut self.spill {
            Some(spill) => spill.push(bytes),
            None => self.behind.extend_from_slice(bytes),
        }
        if self.behind() > LIMIT {
            self.waited_for_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// From now on what it does not take goes to a file in `directory`, if there can be one.
    pub(super) fn spill(&mut self, directory: &Path) {
        if self.spill.is_none() {
            self.spill = Spill::new(directory).ok();
        }
    }

    /// Passes on what is behind.
    ///
    /// # Errors
    /// As [`Tap::write`].
    pub(super) fn catch_up(&mut self) -> Result<(), Errno> {
        let before = self.behind();
        loop {
            let written = pass(&self.pipe, &self.behind)?;
            self.behind.drain(..written);
            if !self.behind.is_empty() {
                break;
            }
            // A burst must not stay in memory for as long as the container lives.
            self.behind = self.spill.as_mut().map(Spill::take).transpose().map_err(|_| Errno::EIO)?.unwrap_or_default();
            if self.behind.is_empty() {
                self.spill = None;
                break;
            }
        }
        if self.behind() < before {
            self.waited_for_since = (self.behind() > LIMIT).then(Instant::now);
        }
        Ok(())
    }

    /// Whether it has stopped reading, and there is room for what it does not take.
    pub(super) fn has_stopped(&self) -> bool {
        self.stops_in() == Some(Duration::ZERO) && !self.spill.as_ref().is_some_and(Spill::is_full)
    }

    /// After how long it counts as that, if it is waited for.
    pub(super) fn stops_in(&self) -> Option<Duration> {
        self.waited_for_since.map(|since| STOPPED.saturating_sub(since.elapsed()))
    }

    pub(super) fn behind(&self) -> usize {
        self.behind.len() + self.spill.as_ref().map_or(0, Spill::len)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

fn pass(pipe: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    let mut passed = 0;
    while passed < bytes.len() {
        match write(pipe, &bytes[passed..]) {
            Ok(written) => passed += written,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_finds_no_room_comes_later_and_in_order() {
        let (reader, writer) = process::relay::pipe().expect("a pipe");
        let (mut tap, here) = (Tap::new(writer), tempfile::tempdir().expect("a directory"));
        let sent: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for (number, portion) in sent.chunks(7001).enumerate() {
            tap.write(portion).expect("somebody reads");
            if number == 20 {
                tap.spill(here.path());
            }
        }
        assert!(tap.behind() > 0, "a pipe does not take so much");
        let (mut reader, mut seen) = (File::from(reader), vec![0; sent.len()]);
        for portion in seen.chunks_mut(4000) {
            tap.catch_up().expect("somebody reads");
            reader.read_exact(portion).expect("bytes");
        }
        assert!(seen == sent);
        assert_eq!(tap.behind(), 0);
        drop(reader);
        // A process that another test is just starting has everything open until its exec.
        let until = Instant::now() + Duration::from_secs(10);
        while tap.write(b"x") != Err(Errno::EPIPE) {
            assert!(Instant::now() < until, "nobody reads, and the tap has not heard of it");
        }
    }
}
