//! Where a client hears what the program prints: a pipe, written to without ever waiting.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::write;

/// What a reader may be behind, in bytes, before the program waits for it, or it is given up.
pub(super) const LIMIT: usize = 1 << 20;

/// One stream of one client.
#[derive(Debug)]
pub(super) struct Tap {
    pipe: OwnedFd,
    behind: Vec<u8>,
}

impl Tap {
    pub(super) fn new(pipe: OwnedFd) -> Self {
        // The writing end is nobody's but ours, so the flag disturbs no one.
        let _ = fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        Self { pipe, behind: Vec::new() }
    }

    /// Passes bytes on, as many as there is room for; the rest later.
    ///
    /// # Errors
    /// `EPIPE` when nobody reads any more.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        if self.behind.is_empty() {
            let written = pass(&self.pipe, bytes)?;
            bytes = &bytes[written..];
        }
        self.behind.extend_from_slice(bytes);
        Ok(())
    }

    /// Passes on what is behind.
    ///
    /// # Errors
    /// As [`Tap::write`].
    pub(super) fn catch_up(&mut self) -> Result<(), Errno> {
        let written = pass(&self.pipe, &self.behind)?;
        self.behind.drain(..written);
        if self.behind.is_empty() {
            // A burst must not stay in memory for as long as the container lives.
            self.behind = Vec::new();
        }
        Ok(())
    }

    pub(super) fn behind(&self) -> usize {
        self.behind.len()
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
        let mut tap = Tap::new(writer);
        let sent: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for portion in sent.chunks(7001) {
            tap.write(portion).expect("somebody reads");
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
