//! What is asked of a log: `logs` with its flags.

use jiff::Timestamp;
use process::relay::Stream;

/// What of a log is wanted, and how it is to look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of docker's")]
pub struct LogQuery {
    /// Only the last records, as many as these, of both streams together; counted before anything else is left out.
    pub tail: Option<u64>,
    /// Nothing earlier.
    pub since: Option<Timestamp>,
    /// Nothing later.
    pub until: Option<Timestamp>,
    /// The time in front of each record.
    pub timestamps: bool,
    /// The attributes in front of each record.
    pub details: bool,
    /// Whether standard output is wanted.
    pub stdout: bool,
    /// Whether standard error is wanted.
    pub stderr: bool,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { tail: None, since: None, until: None, timestamps: false, details: false, stdout: true, stderr: true }
    }
}

impl LogQuery {
    /// `--tail` as docker reads it: what is no number, and what is less than nothing, stands for everything.
    pub fn tail(text: &str) -> Option<u64> {
        text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok())
    }

    pub(super) fn wants(&self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }

    /// Whether the records' times matter.
    pub(super) fn needs_time(&self) -> bool {
        self.timestamps || self.since.is_some() || self.until.is_some()
    }
}
