//! The stages of a long run: each has a heading, a time and an outcome, and the next one runs whatever that was.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

/// What a stage found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many things are right.
    pub(crate) passed: usize,
    /// What is wrong, by name.
    pub(crate) failed: Vec<String>,
    /// What could not be looked at: name and reason.
    pub(crate) skipped: Vec<(String, String)>,
}

impl Tally {
    /// One thing that is right, or wrong.
    pub(crate) fn of(name: &str, good: bool) -> Self {
        if good { Self { passed: 1, ..Self::default() } } else { Self { failed: vec![name.into()], ..Self::default() } }
    }

    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }
}

/// What the whole run may take on two processors: longer, and people stop typing it.
const BUDGET: Duration = Duration::from_mins(40);

/// A run: what was found, and what each stage took.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) all: Tally,
    took: Vec<(String, Duration)>,
}

impl Run {
    /// Runs one stage.
    pub(crate) fn stage(&mut self, name: &str, run: impl FnOnce() -> Result<Tally>) {
        println!("\n== {name}");
        let start = Instant::now();
        let tally = run_stage(name, run);
        let took = start.elapsed();
        let (passed, failed, skipped) = (tally.passed, tally.failed.len(), tally.skipped.len());
        println!("== {name}: {passed} passed, {failed} failed, {skipped} skipped, {} s", took.as_secs());
        self.all.add(tally);
        self.took.push((name.into(), took));
    }

    /// One line: what each stage took, and all together.
    fn times(&self) -> String {
        let each = self.took.iter().map(|(name, took)| format!("{name} {} s", took.as_secs()));
        let total: Duration = self.took.iter().map(|(_, took)| *took).sum();
        let verdict = if total > BUDGET { "more than it may take:" } else { "of" };
        let minutes = |time: Duration| time.as_secs().div_ceil(60);
        format!(
            "{}; together {} min, {verdict} {}\n",
            each.collect::<Vec<_>>().join(", "),
            minutes(total),
            minutes(BUDGET)
        )
    }
}

fn run_stage(name: &str, run: impl FnOnce() -> Result<Tally>) -> Tally {
    let tally = run().unwrap_or_else(|error| {
        println!("{error:#}");
        Tally::of(&format!("{name}: {error}"), false)
    });
    for failed in &tally.failed {
        println!("failed: {failed}");
    }
    tally
}

/// A stage that is one command.
pub(crate) fn command(name: &str, command: &mut Command) -> Result<Tally> {
    Ok(Tally::of(name, command.status()?.success()))
}

/// The last lines of a run: what failed and what was skipped, by name; what it took; and how many of each.
pub(crate) fn summary(run: &Run) -> String {
    let all = &run.all;
    let mut text = String::from("\n");
    for (name, reason) in &all.skipped {
        let _ = writeln!(text, "skipped: {name}: {reason}");
    }
    for name in &all.failed {
        let _ = writeln!(text, "failed: {name}");
    }
    text.push_str(&run.times());
    let _ = writeln!(text, "{} passed, {} failed, {} skipped", all.passed, all.failed.len(), all.skipped.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let mut all = Tally::of("format", true);
        all.add(Tally::of("lints", false));
        all.add(Tally { skipped: vec![("memory_limit".into(), "no memory controller".into())], ..Tally::default() });
        let took = |name: &str, seconds| (name.to_owned(), Duration::from_secs(seconds));
        let run = Run { all, took: vec![took("format", 2), took("lints", 601)] };
        insta::assert_snapshot!(summary(&run), @r"

        skipped: memory_limit: no memory controller
        failed: lints
        format 2 s, lints 601 s; together 11 min, of 40
        1 passed, 1 failed, 1 skipped
        ");
        let long = Run { took: vec![took("guest", 2401)], ..run };
        assert_eq!(long.times(), "guest 2401 s; together 41 min, more than it may take: 40\n");
    }
}
