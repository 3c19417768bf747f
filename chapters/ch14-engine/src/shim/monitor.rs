//! When a container's health is checked: the time until the next probe, and the probe that runs. It has no clock but the
//! shim's patience.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use process::Failure;

use super::probe::{News, Probe};
use crate::health::{Health, HealthCheck, ProbeResult};

/// Looks after one life of a program.
#[derive(Debug)]
pub(super) struct Monitor {
    check: HealthCheck,
    born: Instant,
    began: Timestamp,
    /// When the next probe is to start.
    due: Instant,
    probe: Option<Probe>,
    /// Those that are over and were not told of: by what id, and how they ended by themselves.
    ended: Vec<(String, Option<i32>)>,
    paused: bool,
}

impl Monitor {
    /// For a program that has just started; nothing, if nobody wants to know.
    pub(super) fn new(check: Option<&HealthCheck>, health: &Health) -> Option<Self> {
        let check = check.filter(|check| check.is_on())?.clone();
        let born = Instant::now();
        let due = born + check.interval(Duration::ZERO, health.status);
        Some(Self { check, born, began: Timestamp::now(), due, probe: None, ended: Vec::new(), paused: false })
    }

    /// What to wait for. What stands still has no news.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.probe.iter().filter(|_| !self.paused).flat_map(Probe::descriptors)
    }

    /// How long to wait at most.
    pub(super) fn patience(&self) -> Option<Duration> {
        if self.paused {
            return None;
        }
        match &self.probe {
            Some(probe) => probe.patience(),
            None => Some(self.due.saturating_duration_since(Instant::now())),
        }
    }

    /// Does what is to be done now. Whether `health` has changed.
    pub(super) fn look(
        &mut self,
        health: &mut Health,
        start: impl FnOnce(&HealthCheck) -> Result<Probe, Failure>,
    ) -> bool {
        let Some(probe) = &mut self.probe else {
            if !self.paused && self.due <= Instant::now() {
                let begin = Timestamp::now();
                match start(&self.check) {
                    Ok(probe) => self.probe = Some(probe),
                    Err(failure) => {
                        let (start, end, output) = (begin, Timestamp::now(), failure.message);
                        self.take(health, ProbeResult { start, end, exit_code: -1, output });
                        return true;
                    }
                }
            }
            return false;
        };
        if self.paused {
            return false;
        }
        match probe.news(&self.check) {
            News::None => false,
            News::Gone => {
                self.give_up();
                self.plan(health);
                false
            }
            News::Result(result) => {
                if !probe.is_dismissed() {
                    // One that did not even start has no end.
                    let ended = self.probe.take().filter(|_| result.exit_code >= 0);
                    self.ended.extend(ended.map(|probe| (probe.id().to_owned(), Some(result.exit_code))));
                }
                self.take(health, result);
                true
            }
        }
    }

    /// The probe that runs is over, without a result.
    pub(super) fn give_up(&mut self) {
        self.ended.extend(self.probe.take().map(|probe| (probe.id().to_owned(), None)));
    }

    /// Those that have ended since somebody asked.
    pub(super) fn ended(&mut self) -> Vec<(String, Option<i32>)> {
        std::mem::take(&mut self.ended)
    }

    fn take(&mut self, health: &mut Health, result: ProbeResult) {
        let lived = Duration::try_from(result.start.duration_since(self.began)).unwrap_or_default();
        health.take(result, &self.check, lived);
        self.plan(health);
    }

    fn plan(&mut self, health: &Health) {
        let now = Instant::now();
        self.due = now + self.check.interval(now.duration_since(self.born), health.status);
    }

    /// Everything stands still, a probe with it.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// It goes on. What was asked before it stood still is not to be held against it.
    pub(super) fn resume(&mut self, health: &Health) {
        self.paused = false;
        if let Some(probe) = &mut self.probe {
            probe.dismiss();
        }
        self.plan(health);
    }
}
