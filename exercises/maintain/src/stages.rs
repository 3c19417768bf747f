//! The stages of a long run: each has a heading, a time and an outcome, and the next one runs whatever that was.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

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

/// Runs one stage.
pub(crate) fn stage(name: &str, all: &mut Tally, run: impl FnOnce() -> Result<Tally>) {
    println!("\n== {name}");
    let start = Instant::now();
    let tally = run().unwrap_or_else(|error| {
        println!("{error:#}");
        Tally::of(&format!("{name}: {error}"), false)
    });
    for failed in &tally.failed {
        println!("failed: {failed}");
    }
    println!(
        "== {name}: {} passed, {} failed, {} skipped, {} s",
        tally.passed,
        tally.failed.len(),
        tally.skipped.len(),
        start.elapsed().as_secs()
    );
    all.add(tally);
}

/// A stage that is one command.
pub(crate) fn command(name: &str, command: &mut Command) -> Result<Tally> {
    Ok(Tally::of(name, command.status()?.success()))
}

/// The last lines of a run: what failed and what was skipped, by name, and how many of each.
pub(crate) fn summary(all: &Tally) -> String {
    let mut text = String::from("\n");
    for (name, reason) in &all.skipped {
        let _ = writeln!(text, "skipped: {name}: {reason}");
    }
    for name in &all.failed {
        let _ = writeln!(text, "failed: {name}");
    }
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
        insta::assert_snapshot!(summary(&all), @r"

        skipped: memory_limit: no memory controller
        failed: lints
        1 passed, 1 failed, 1 skipped
        ");
    }
}
