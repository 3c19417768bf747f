//! What is to be seen of a container without touching it: what it has printed, and what happened.

use std::io;
use std::os::fd::AsFd;

use process::Failure;

use crate::control::Control;
use crate::engine::Engine;
use crate::events::{Event, EventQuery};
use crate::log::{LogQuery, LogReader, Sinks};

impl Engine {
    /// Prints the log of a container; with `follow` also what comes, until it ends. Returns how many records could not be
    /// read.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn logs(&self, name: &str, query: LogQuery, follow: bool, sinks: &mut Sinks<'_>) -> Result<u64, Failure> {
        let container = self.find(name)?;
        let (id, home) = (&container.saved.id, self.store().home(&container.saved.id));
        let mut reader = LogReader::open(&home, id, &container.saved.record.log, query)?;
        let control = if follow && container.state.status.is_alive() { Control::call(self.store(), id)? } else { None };
        if let Some(control) = control {
            control.listen()?;
            reader.follow(control.into_line().as_fd(), sinks)?;
        } else {
            reader.print(sinks)?;
        }
        Ok(reader.damaged())
    }

    /// Tells what happens, as long as the query has it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn events(&self, query: &EventQuery, tell: impl FnMut(&Event) -> io::Result<()>) -> Result<(), Failure> {
        Ok(self.journal().listen(query, None, tell)?)
    }
}
