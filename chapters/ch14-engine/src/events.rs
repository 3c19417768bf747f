//! What has happened to containers, images, networks and volumes: docker's events, as lines of an appended file.
//!
//! Commands and shims append what they have done; nobody has to be there to hear it. `events` reads the file, and waits for
//! it to grow. [`Journal`] is both.

mod event;
mod journal;
mod query;

pub use event::{Actor, Event, EventKind};
pub use journal::Journal;
pub use query::{EventError, EventQuery};
