//! Flags about a container's health.

use engine::create::HealthConfig;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use super::values;

// A doc comment would become the command's description.
#[derive(Debug, clap::Args)]
pub(super) struct HealthFlags {
    /// A command that says by its exit code whether it is well.
    #[arg(long, value_name = "COMMAND")]
    health_cmd: Option<String>,
    /// From one probe to the next; 0 is the image's, or 30s.
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    health_interval: Option<i64>,
    /// Failures in a row that are too many; 0 is the image's, or 3.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    health_retries: Option<i64>,
    /// The interval in the start period; 0 is the image's, or 5s.
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    health_start_interval: Option<i64>,
    /// How long after the start failures do not count.
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    health_start_period: Option<i64>,
    /// What one probe may take; 0 is the image's, or 30s.
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    health_timeout: Option<i64>,
    /// Do not check its health.
    #[arg(long)]
    no_healthcheck: bool,
}

/// Docker's words.
#[derive(Debug, Error)]
pub(super) enum HealthFlagError {
    /// Checked and not checked.
    #[error("--no-healthcheck conflicts with --health-* options")]
    Conflict,
    /// Time that runs backwards.
    #[error("--health-{0} cannot be negative")]
    Negative(&'static str),
}

impl Diagnose for HealthFlagError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

impl HealthFlags {
    /// What is asked for, if anything is.
    pub(super) fn config(self) -> Result<Option<HealthConfig>, HealthFlagError> {
        let command = self.health_cmd.filter(|command| !command.is_empty());
        let config = HealthConfig {
            test: command.map_or_else(Vec::new, |command| vec!["CMD-SHELL".into(), command]),
            interval: self.health_interval.unwrap_or_default(),
            timeout: self.health_timeout.unwrap_or_default(),
            start_period: self.health_start_period.unwrap_or_default(),
            start_interval: self.health_start_interval.unwrap_or_default(),
            retries: self.health_retries.unwrap_or_default(),
        };
        let asked = config != HealthConfig::default();
        if self.no_healthcheck {
            let none = HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() };
            return if asked { Err(HealthFlagError::Conflict) } else { Ok(Some(none)) };
        }
        for (value, name) in [
            (config.interval, "interval"),
            (config.timeout, "timeout"),
            (config.retries, "retries"),
            (config.start_period, "start-period"),
            (config.start_interval, "start-interval"),
        ] {
            if value < 0 {
                return Err(HealthFlagError::Negative(name));
            }
        }
        Ok(asked.then_some(config))
    }
}
