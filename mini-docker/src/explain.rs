//! `--explain`: what a container's start consists of, step by step, with the time that each took.
//!
//! Every chapter reports its steps as events. Here they go through a pipe that parent and child share, for half of the
//! steps happen in the child, between clone and exec, where nothing may be printed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::outcome;

/// Collects events from now on.
#[derive(Debug)]
pub struct Narrator {
    reader: File,
}

/// One line of the narration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The chapter that explains it.
    pub chapter: u64,
    /// Microseconds since the step before it.
    pub micros: u128,
    /// What was done.
    pub text: String,
}

impl Narrator {
    /// Begins.
    ///
    /// # Panics
    /// At the limit of open files, where no container would start either.
    pub fn start() -> Self {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).expect("two more descriptors");
        let subscriber = Pipe { writer: process::narrate_to(writer), start: Instant::now() };
        // Only the first subscriber of a process counts, and there is only one.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Self { reader: File::from(reader) }
    }

    /// All steps so far, in the order in which they happened.
    pub fn steps(mut self) -> Vec<Step> {
        let mut text = Vec::new();
        // The writing end lives as long as the process, so this ends not with EOF but with "nothing more for now".
        let _ = self.reader.read_to_end(&mut text);
        let mut lines: Vec<(u128, u64, String)> = String::from_utf8_lossy(&text).lines().filter_map(parse).collect();
        lines.sort_by_key(|(at, ..)| *at);
        let mut before = 0;
        lines
            .into_iter()
            .map(|(at, chapter, text)| Step { chapter, micros: at - std::mem::replace(&mut before, at), text })
            .collect()
    }

    /// Prints the narration on standard error.
    pub fn print(self) {
        outcome::complain(render(&self.steps()));
    }
}

/// A numbered table. Times are in milliseconds.
pub fn render(steps: &[Step]) -> String {
    let mut text = String::from("\n  #  chapter       ms  step\n");
    let mut total = 0;
    for (index, step) in steps.iter().enumerate() {
        total += step.micros;
        let _ = writeln!(text, "{:>3}  {:>7}  {:>7}  {}", index + 1, step.chapter, millis(step.micros), step.text);
    }
    let _ = writeln!(text, "              {:>7}  in all", millis(total));
    text
}

fn millis(micros: u128) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// `AT<TAB>CHAPTER<TAB>TEXT`.
fn parse(line: &str) -> Option<(u128, u64, String)> {
    let mut parts = line.splitn(3, '\t');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
}

/// Writes each event as one line. A write of less than `PIPE_BUF` bytes is never mixed with another's.
struct Pipe {
    writer: BorrowedFd<'static>,
    start: Instant,
}

impl Subscriber for Pipe {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "step" && metadata.is_event()
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let at = self.start.elapsed().as_micros();
        let line = format!("{at}\t{}\t{}\n", fields.chapter, fields.message.replace('\n', " "));
        let _ = nix::unistd::write(self.writer, line.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields {
    chapter: u64,
    message: String,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "chapter" {
            self.chapter = value;
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, value.unsigned_abs());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_chapter_and_its_time() {
        let steps = vec![
            Step { chapter: 6, micros: 210, text: "overlay mounted".into() },
            Step { chapter: 1, micros: 1_402, text: "clone3".into() },
        ];
        insta::assert_snapshot!(render(&steps), @r"
          #  chapter       ms  step
          1        6    0.210  overlay mounted
          2        1    1.402  clone3
                        1.612  in all
        ");
    }
}
