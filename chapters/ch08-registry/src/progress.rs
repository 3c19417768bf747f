//! What there is to tell while an image is on its way. How it is shown is not this chapter's: it knows no terminal.

use std::time::Duration;

/// Something has happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// An image of several is begun: its tag, and the repository as the registry knows it.
    Pulling {
        /// The tag or digest.
        tag: &'a str,
        /// `library/busybox`.
        repository: &'a str,
    },
    /// A layer, by what people know it by (12 digits), is in a new state.
    Layer {
        /// Its digits.
        id: &'a str,
        /// The state.
        state: State<'a>,
    },
    /// The registry has something to say to people.
    Warning(&'a str),
    /// The registry asks us to wait.
    Waiting {
        /// Who.
        host: &'a str,
        /// How long.
        time: Duration,
    },
}

/// What becomes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<'a> {
    /// It will be fetched.
    Planned,
    /// So many bytes of so many are here.
    Downloading {
        /// These.
        done: u64,
        /// Those.
        total: u64,
    },
    /// All bytes are here.
    Downloaded,
    /// It is unpacked.
    Pulled,
    /// It was here before.
    Exists,
    /// It will be sent.
    Preparing,
    /// So many bytes of so many are there.
    Uploading {
        /// These.
        done: u64,
        /// Those.
        total: u64,
    },
    /// It is there.
    Pushed,
    /// It was there before.
    ExistsThere,
    /// The registry had it in another repository.
    Mounted(&'a str),
    /// The connection broke, and is made again.
    Retrying,
}

/// Whoever wants to know.
pub trait Progress: Sync {
    /// Told by whichever thread is at work.
    fn event(&self, event: Event<'_>);
}

/// Nobody.
impl Progress for () {
    fn event(&self, _: Event<'_>) {}
}
