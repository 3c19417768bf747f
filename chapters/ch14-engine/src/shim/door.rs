//! Where commands call the shim. It has as many ears as it has descriptors left: who finds none waits until one is free, and
//! is not asked for again and again meanwhile.

use std::os::fd::{AsFd, BorrowedFd};

use super::clients::Client;
use crate::wire::Listener;

/// More are not heard at a time, however many descriptors there are.
const MOST: usize = 1000;

#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    /// With so many clients there was no descriptor for one more.
    full_at: Option<usize>,
}

impl Door {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, full_at: None }
    }

    /// What to wait for, unless nobody could be let in before one of the clients goes.
    pub(super) fn descriptor(&self, clients: usize) -> Option<BorrowedFd<'_>> {
        let is_full = self.full_at.is_some_and(|full| clients > 0 && clients >= full);
        (!is_full && clients < MOST).then(|| self.listener.as_fd())
    }

    /// Lets the next one in who has called.
    pub(super) fn answer(&mut self, clients: &mut Vec<Client>) {
        match self.listener.accept() {
            Ok(line) => {
                self.full_at = None;
                clients.extend(line.and_then(Client::greet));
            }
            Err(_) => self.full_at = Some(clients.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_crowd_waits_outside_until_somebody_goes() {
        let here = tempfile::tempdir().expect("a directory");
        let listener = Listener::open(File::open(here.path()).expect("it")).expect("a socket");
        let door = Door::new(listener);
        assert!(door.descriptor(0).is_some() && door.descriptor(MOST - 1).is_some());
        assert!(door.descriptor(MOST).is_none());
    }
}
