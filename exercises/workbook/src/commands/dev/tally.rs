//! Counting what was proved: one line per thing while it goes on, and one last line.

use std::fmt::Write;
use std::time::Instant;

use crate::render::{self, BAD, DIM, GOOD, WARN};
use crate::terminal::say;

/// What is to be said about a thing that was looked at. Nothing said means that it is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    Failed(String),
    Skipped(String),
}

/// What was proved, so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many things are right.
    pub passed: usize,
    /// What is wrong: its name, and what was found first.
    pub failed: Vec<(String, String)>,
    /// What could not be looked at, by name.
    pub skipped: Vec<String>,
}

impl Tally {
    /// Reports and counts one thing: failed if anything in it did, else skipped if anything was.
    pub(crate) fn add(&mut self, name: &str, what: &str, since: Instant, findings: &[Finding]) {
        let failed = findings.iter().find_map(|finding| match finding {
            Finding::Failed(said) => Some(said.lines().next().unwrap_or_default().to_owned()),
            Finding::Skipped(_) => None,
        });
        let (style, state) = match failed {
            Some(_) => (BAD, "failed "),
            None if findings.is_empty() => (GOOD, "passed "),
            None => (WARN, "skipped"),
        };
        let seconds = render::paint(DIM, &format!("{:.1} s", since.elapsed().as_secs_f64()));
        let mut text = format!("{}  {name}  {what}  {seconds}\n", render::paint(style, state));
        for finding in findings {
            let (word, said) = match finding {
                Finding::Failed(said) => ("failed", said),
                Finding::Skipped(said) => ("skipped", said),
            };
            let _ = writeln!(text, "         {word}: {}", said.trim().replace('\n', "\n           "));
        }
        say(&text);
        match (failed, findings.is_empty()) {
            (Some(said), _) => self.failed.push((name.to_owned(), said)),
            (None, true) => self.passed += 1,
            (None, false) => self.skipped.push(name.to_owned()),
        }
    }

    /// Whether nothing failed.
    pub fn all_well(&self) -> bool {
        self.failed.is_empty()
    }

    /// The names again, and the numbers as the last line.
    pub(crate) fn summary(&self) -> String {
        let names = |label: &str, names: &[&str]| match names {
            [] => String::new(),
            names => format!("{label}: {}\n", names.join(", ")),
        };
        let failed: Vec<&str> = self.failed.iter().map(|(name, _)| name.as_str()).collect();
        let skipped: Vec<&str> = self.skipped.iter().map(String::as_str).collect();
        format!(
            "\n{}{}{} passed, {} failed, {} skipped\n",
            names("failed", &failed),
            names("skipped", &skipped),
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_no_pass_and_a_failure_outweighs_it() {
        let mut tally = Tally::default();
        let (failed, skipped) = (Finding::Failed("x".into()), Finding::Skipped("y".into()));
        let now = Instant::now();
        tally.add("a", "", now, &[]);
        tally.add("b", "", now, std::slice::from_ref(&skipped));
        tally.add("c", "", now, &[skipped, failed]);
        insta::assert_snapshot!(tally.summary(), @r"

        failed: c
        skipped: b
        1 passed, 1 failed, 1 skipped
        ");
        assert!(!tally.all_well());
        assert_eq!(tally.failed, [("c".to_owned(), "x".to_owned())]);
    }
}
