//! How a failure is told: to people on standard error, and to programs in the file of `--log`, as runc writes it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use mini_docker::outcome;
use process::{Failure, FailureKind};
use serde_json::json;

/// Where to.
#[derive(Debug)]
pub(crate) struct Log {
    file: Option<PathBuf>,
    format: String,
}

impl Log {
    pub(crate) fn new(file: Option<PathBuf>, format: &str) -> Self {
        Self { file, format: format.into() }
    }

    /// A log that cannot be written would say nothing when it matters.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if !matches!(self.format.as_str(), "text" | "json") {
            return Err(Failure::new(FailureKind::Invalid, format!("invalid log-format: {}", self.format)));
        }
        self.write("").map_err(|error| {
            Failure::new(
                FailureKind::System,
                format!("open {}: {error}", self.file.as_deref().unwrap_or("".as_ref()).display()),
            )
        })
    }

    /// Says what has failed, and ends with `code`.
    pub(crate) fn failure(&self, failure: &Failure, code: u8) -> ExitCode {
        if self.file.is_none() {
            return outcome::failure(failure, code);
        }
        self.tell("error", &failure.message);
        outcome::complain(format_args!("{}\n", failure.message));
        ExitCode::from(code)
    }

    /// Says what is not done, and goes on.
    pub(crate) fn warning(&self, text: &str) {
        if self.file.is_none() {
            outcome::complain(format_args!("warning: {text}\n"));
        }
        self.tell("warning", text);
    }

    fn tell(&self, level: &str, message: &str) {
        let now = jiff::Timestamp::now().round(jiff::Unit::Second).map(|now| now.to_string()).unwrap_or_default();
        let line = if self.format == "json" {
            // In runc's order: some that read it look for the letters.
            format!("{{\"level\":\"{level}\",\"msg\":{},\"time\":\"{now}\"}}\n", json!(message))
        } else {
            format!("time=\"{now}\" level={level} msg={}\n", json!(message))
        };
        let _ = self.write(&line);
    }

    fn write(&self, line: &str) -> std::io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        OpenOptions::new().append(true).create(true).mode(0o644).open(path)?.write_all(line.as_bytes())
    }
}
