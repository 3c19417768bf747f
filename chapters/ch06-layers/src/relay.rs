//! Reading in a thread of its own: while one inflates, the other hashes and writes files. A few buffers go back and forth
//! between the two, so that neither gets far ahead of the other, however large the layer is.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

const BUFFER: usize = 128 * 1024;
const BUFFERS: usize = 8;

/// Calls `work` with what `input` says, which is read in another thread. Whoever may fork later has no threads: so this
/// ends its own before it returns.
pub(crate) fn relayed<T>(input: impl Read + Send, work: impl FnOnce(&mut Relayed) -> T) -> T {
    let (send, full) = sync_channel(BUFFERS);
    let (empty, receive) = sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // There is room for all of them.
        let _ = empty.try_send(vec![0; BUFFER]);
    }
    thread::scope(|scope| {
        scope.spawn(move || pump(input, &send, &receive));
        let mut relayed = Relayed { full, empty, current: Vec::new(), at: 0, end: 0 };
        work(&mut relayed)
        // Nobody listens any more: the other one ends at its next buffer.
    })
}

fn pump(mut input: impl Read, send: &SyncSender<io::Result<(Vec<u8>, usize)>>, receive: &Receiver<Vec<u8>>) {
    while let Ok(mut buffer) = receive.recv() {
        let read = loop {
            match input.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let last = !matches!(read, Ok(1..));
        if send.send(read.map(|length| (buffer, length))).is_err() || last {
            return;
        }
    }
}

/// What the other thread has read.
pub(crate) struct Relayed {
    full: Receiver<io::Result<(Vec<u8>, usize)>>,
    empty: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    end: usize,
}

impl Read for Relayed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end {
            // At first there is none to give back, and one without room would look like the end. The other one may be at its
            // end, and need none.
            if !self.current.is_empty() {
                let _ = self.empty.try_send(std::mem::take(&mut self.current));
            }
            // It ends after an end or an error, and both are for ever.
            let Ok(read) = self.full.recv() else { return Ok(0) };
            (self.current, self.end) = read?;
            self.at = 0;
        }
        let length = buffer.len().min(self.end - self.at);
        buffer[..length].copy_from_slice(&self.current[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes, then a failure.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.min(buffer.len());
            self.0 -= length;
            if length == 0 { Err(io::Error::other("cut")) } else { Ok(length) }
        }
    }

    #[test]
    fn what_is_read_arrives_whole_and_in_order() {
        let bytes: Vec<u8> =
            (0..3_000_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
        let read = relayed(bytes.as_slice(), |input| {
            let mut read = Vec::new();
            input.read_to_end(&mut read).expect("all of it");
            read
        });
        assert!(read == bytes);
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        let (error, read) = relayed(Failing(500_000), |input| {
            let mut read = Vec::new();
            (input.read_to_end(&mut read).expect_err("an error"), read.len())
        });
        assert_eq!((read, error.to_string().as_str()), (500_000, "cut"));
    }

    #[test]
    fn who_stops_listening_ends_it() {
        let first = relayed(io::repeat(7), |input| {
            let mut byte = [0];
            input.read_exact(&mut byte).expect("a byte");
            byte[0]
        });
        assert_eq!(first, 7);
    }
}
