//! What the shim does about health: starts probes when it is time, takes what came of them, and tells of both.

use super::monitor::Monitor;
use super::probe::Probe;
use super::turn::Shim;
use crate::health::{Health, HealthCheck};

/// What counts as the end of a probe that was ended.
const ENDED: i32 = 137;

impl Shim<'_> {
    /// Whether somebody wants to know if it is well.
    pub(super) fn checked(&self) -> bool {
        self.saved.record.health.as_ref().is_some_and(HealthCheck::is_on)
    }

    /// Starts a probe if it is time, and takes what came of one.
    pub(super) fn look_at_health(&mut self) {
        let Some(mut monitor) = self.monitor.take() else { return };
        let mut health = self.state.health.take().unwrap_or_default();
        let start = |check: &HealthCheck| Probe::start(self.engine, (&self.saved, &self.state), check);
        let before = health.status;
        let changed = monitor.look(&mut health, start);
        self.tell_of_probes(&mut monitor);
        if changed && health.status != before {
            self.engine.tell(&self.saved, &format!("health_status: {}", health.status.name()));
        }
        (self.monitor, self.state.health) = (Some(monitor), Some(health));
        if changed {
            self.record();
        }
    }

    /// The program has ended: a probe that runs is ended, too.
    pub(super) fn forget_health(&mut self) {
        if let Some(mut monitor) = self.monitor.take() {
            monitor.give_up();
            self.tell_of_probes(&mut monitor);
            self.state.health = self.state.health.take().map(Health::unwatched);
        }
    }

    /// Docker tells of a probe as of any other command.
    fn tell_of_probes(&self, monitor: &mut Monitor) {
        for (id, code) in monitor.ended() {
            let event = self.saved.event("exec_die").with("execID", id).with("exitCode", code.unwrap_or(ENDED));
            self.engine.journal().record(&[event]);
        }
    }
}
