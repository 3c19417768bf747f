//! What happens to containers is told in the journal of events, by whoever makes it happen.

use std::fmt::Display;

use crate::engine::Engine;
use crate::saved::Saved;

impl Engine {
    /// Tells one.
    pub(crate) fn tell(&self, saved: &Saved, action: &str) {
        self.journal().record(&[saved.event(action)]);
    }

    /// Tells one, with something more about it.
    pub(crate) fn tell_with(&self, saved: &Saved, action: &str, name: &str, value: impl Display) {
        self.journal().record(&[saved.event(action).with(name, value)]);
    }
}
