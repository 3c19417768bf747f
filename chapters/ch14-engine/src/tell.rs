//! What happens to containers is told in the journal of events, by whoever makes it happen.

use std::fmt::Display;

use crate::engine::Engine;
use crate::events::Event;
use crate::saved::Saved;

/// `action`, of this container, at this moment.
pub(crate) fn event(saved: &Saved, action: &str) -> Event {
    Event::container(action, &saved.id, &saved.name, &saved.create.config.image, &saved.record.labels)
}

impl Engine {
    /// Tells one.
    pub(crate) fn tell(&self, saved: &Saved, action: &str) {
        self.journal().record(&[event(saved, action)]);
    }

    /// Tells one, with something more about it.
    pub(crate) fn tell_with(&self, saved: &Saved, action: &str, name: &str, value: impl Display) {
        self.journal().record(&[event(saved, action).with(name, value)]);
    }
}
