//! Whether a container is well: how that is found out, and what has been seen. The rules are docker's; the probes are
//! made by the shim.

use std::time::Duration;

use images::ContainerConfig;
use jiff::Timestamp;
use process::{Diagnose, FailureKind};
use runtime::Text;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::create::HealthConfig;

const INTERVAL: i64 = 30_000_000_000;
const TIMEOUT: i64 = 30_000_000_000;
const START_INTERVAL: i64 = 5_000_000_000;
const RETRIES: i64 = 3;
/// The shortest span that makes sense, as docker has it.
const LEAST: i64 = 1_000_000;
/// Results that are kept.
const KEPT: usize = 5;

/// Why a health check makes no sense. The words are docker's.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HealthError {
    /// Below a millisecond, or less than nothing.
    #[error("{0} in Healthcheck cannot be less than 1ms")]
    TooShort(&'static str),
    /// Less than no failure.
    #[error("Retries in Healthcheck cannot be negative")]
    Retries,
}

impl Diagnose for HealthError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

/// How it is found out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Wish and image put together, as `inspect` shows it.
    pub config: HealthConfig,
    /// What is run in the container; nothing if nobody wants to know.
    pub args: Vec<Text>,
}

impl HealthCheck {
    /// What comes of the wish and of the image's defaults; `None` if neither says a word.
    pub(crate) fn resolve(wish: Option<&HealthConfig>, image: &ContainerConfig) -> Result<Option<Self>, HealthError> {
        let config = match (wish, &image.healthcheck) {
            (None, None) => return Ok(None),
            (Some(wish), None) => wish.clone(),
            (None, Some(of_image)) => of_image.clone(),
            (Some(wish), Some(of_image)) => wish.clone().or(of_image),
        };
        for (name, span) in [
            ("Interval", config.interval),
            ("Timeout", config.timeout),
            ("StartPeriod", config.start_period),
            ("StartInterval", config.start_interval),
        ] {
            if span != 0 && span < LEAST {
                return Err(HealthError::TooShort(name));
            }
        }
        if config.retries < 0 {
            return Err(HealthError::Retries);
        }
        let shell = || image.shell.clone().filter(|shell| !shell.is_empty());
        let args: Vec<String> = match config.test.split_first() {
            Some((kind, words)) if kind == "CMD" => words.to_vec(),
            Some((kind, words)) if kind == "CMD-SHELL" => {
                let shell = shell().unwrap_or_else(|| ["/bin/sh", "-c"].map(str::to_owned).into());
                shell.into_iter().chain(words.iter().cloned()).collect()
            }
            _ => Vec::new(),
        };
        Ok(Some(Self { args: args.into_iter().map(Into::into).collect(), config }))
    }

    /// Whether there is anything to do.
    pub(crate) fn is_on(&self) -> bool {
        !self.args.is_empty()
    }

    /// What one probe may take.
    pub(crate) fn timeout(&self) -> Duration {
        span(self.config.timeout, TIMEOUT)
    }

    /// How long to wait before the next probe of a container that started so long ago.
    pub(crate) fn interval(&self, lived: Duration, status: HealthStatus) -> Duration {
        if status == HealthStatus::Starting && lived < self.start_period() {
            return span(self.config.start_interval, START_INTERVAL);
        }
        span(self.config.interval, INTERVAL)
    }

    fn start_period(&self) -> Duration {
        span(self.config.start_period, 0)
    }

    fn retries(&self) -> i64 {
        if self.config.retries == 0 { RETRIES } else { self.config.retries }
    }
}

fn span(nanos: i64, default: i64) -> Duration {
    Duration::from_nanos(u64::try_from(if nanos == 0 { default } else { nanos }).unwrap_or_default())
}

/// Docker's words for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Nothing is known yet.
    #[default]
    Starting,
    /// The last probe went well.
    Healthy,
    /// Too many have not; or nobody looks any more.
    Unhealthy,
}

impl HealthStatus {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What has been seen, in docker's JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Probes that have failed in a row.
    pub failing_streak: i64,
    /// The last results, the oldest first.
    pub log: Vec<ProbeResult>,
}

/// What one probe has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProbeResult {
    /// When it began.
    pub start: Timestamp,
    /// When it was over.
    pub end: Timestamp,
    /// 0 is well; -1 if the probe itself has failed.
    pub exit_code: i32,
    /// What it printed, as far as it is kept.
    pub output: String,
}

impl Health {
    /// At the start of a program; what was seen in an earlier life stays to be read.
    #[must_use]
    pub(crate) fn starting(earlier: Option<Self>) -> Self {
        Self { log: earlier.unwrap_or_default().log, ..Self::default() }
    }

    /// Nobody looks any more. Docker calls that unhealthy.
    #[must_use]
    pub(crate) fn unwatched(self) -> Self {
        Self { status: HealthStatus::Unhealthy, ..self }
    }

    /// Takes a result, of a probe that began when the program had lived so long.
    pub(crate) fn take(&mut self, result: ProbeResult, check: &HealthCheck, lived: Duration) {
        let well = result.exit_code == 0;
        self.log.drain(..(self.log.len() + 1).saturating_sub(KEPT));
        self.log.push(result);
        if well {
            (self.status, self.failing_streak) = (HealthStatus::Healthy, 0);
        } else if self.status != HealthStatus::Starting || lived >= check.start_period() {
            self.failing_streak += 1;
            if self.failing_streak >= check.retries() {
                self.status = HealthStatus::Unhealthy;
            }
        }
    }
}

#[cfg(test)]
mod tests;
