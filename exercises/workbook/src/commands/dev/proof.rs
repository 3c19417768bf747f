//! Proving one exercise, as a learner meets it: all before it are solved, all after it are empty.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::catalogue::Catalogue;
use crate::commands::dev::pages;
use crate::commands::dev::tally::Finding;
use crate::exercise::{Exercise, Mistake};
use crate::fill::{self, Fill};
use crate::hole;
use crate::judge::Judge;
use crate::outcome::{Failing, Outcome, Verdict};
use crate::render;
use crate::running::Running;
use crate::terminal::Status;
use crate::tree;
use crate::workspace::Workspace;

/// A copy of the workspace for proofs. It stays where it is, so that only what changes is compiled again.
pub(crate) struct Proof<'a> {
    origin: &'a Workspace,
    catalogue: &'a Catalogue,
    copy: Workspace,
    /// The files with holes, as they were when the copy was made: others may be writing.
    pristine: BTreeMap<PathBuf, String>,
}

impl<'a> Proof<'a> {
    pub(crate) fn prepare(origin: &'a Workspace, catalogue: &'a Catalogue) -> Result<Self> {
        let directory = origin.scratch().join("dev");
        let mut pristine = BTreeMap::new();
        for file in fill::files(catalogue) {
            pristine.insert(file.to_owned(), origin.pristine(file)?);
        }
        std::fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        // Files with holes are left as the last proof left them; each proof writes them anyway.
        tree::sync(origin.root(), &directory, |name| {
            let there = directory.join(name);
            Ok(pristine.get(name).map(|text| std::fs::read_to_string(there).unwrap_or_else(|_| text.clone())))
        })?;
        Ok(Self { origin, catalogue, copy: Workspace::at(&directory), pristine })
    }

    /// Says what was tried, and what was not as it should be.
    pub(crate) fn prove(&self, exercise: &Exercise, only_starter: bool, bless: bool) -> (String, Vec<Finding>) {
        let mut findings = self.prove_hints(exercise);
        let (finding, go_on) = self.prove_starter(exercise);
        findings.extend(finding);
        if only_starter || !go_on {
            return ("starter".into(), findings);
        }
        let mistakes = exercise.mistakes().unwrap_or_else(|error| {
            findings.push(Finding::Failed(format!("{error:#}")));
            Vec::new()
        });
        if mistakes.is_empty() {
            findings.push(Finding::Failed("it has no wrong answer: what do people get wrong here?".into()));
        }
        for mistake in &mistakes {
            let found = self.prove_mistake(exercise, mistake, bless).map_err(|said| match said {
                Finding::Failed(said) => Finding::Failed(format!("wrong/{}.rs {said}", mistake.name)),
                Finding::Skipped(said) => Finding::Skipped(format!("wrong/{}.rs: {said}", mistake.name)),
            });
            findings.extend(found.err());
        }
        // Last, so that the copy is ready for the next exercise.
        match self.prove_solution(exercise) {
            Some(finding) => findings.push(finding),
            None => findings.extend(self.prove_after(exercise)),
        }
        (format!("starter, solution, {}", render::count(mistakes.len(), "wrong answer")), findings)
    }

    fn prove_hints(&self, exercise: &Exercise) -> Vec<Finding> {
        let pristine = self.pristine.get(&exercise.file).map(String::as_str).unwrap_or_default();
        let solution = hole::contents(pristine, &exercise.hole).unwrap_or_default();
        let leaks = exercise.hints.leaks(solution).into_iter();
        leaks.map(|line| Finding::Failed(format!("hints.md gives away a line of the solution: {line}"))).collect()
    }

    /// Also says whether it makes sense to go on: what does not compile empty says nothing about answers.
    fn prove_starter(&self, exercise: &Exercise) -> (Option<Finding>, bool) {
        let outcome = match self.judge(exercise, &Fill::Starter) {
            Ok(outcome) => outcome,
            Err(error) => return (Some(Finding::Failed(format!("{error:#}"))), false),
        };
        let go_on = !matches!(
            outcome,
            Outcome::DoesNotCompile { .. } | Outcome::Blocked { .. } | Outcome::Strayed { .. } | Outcome::Broken(_)
        );
        let finding = match outcome {
            Outcome::NotStarted => None,
            Outcome::Skipped { skips, .. } => Some(skipped("starter: ", &skips)),
            other => Some(Finding::Failed(format!("the starter must fail by its own todo!, but {}", brief(&other)))),
        };
        (finding, go_on)
    }

    fn prove_solution(&self, exercise: &Exercise) -> Option<Finding> {
        match self.judge(exercise, &Fill::Solution) {
            Ok(Outcome::Passed { .. }) => None,
            Ok(Outcome::Skipped { skips, .. }) => Some(skipped("solution: ", &skips)),
            Ok(other) => Some(Finding::Failed(format!("the solution must pass, but {}", brief(&other)))),
            Err(error) => Some(Finding::Failed(format!("{error:#}"))),
        }
    }

    /// `after` names what the judging tests reach, and no more. Tried with our answer, which was just built: each hole that
    /// it names is opened again, and must be missed; then all others at once, and none may be.
    fn prove_after(&self, exercise: &Exercise) -> Vec<Finding> {
        let failed = |error| Finding::Failed(format!("{error:#}"));
        let mut findings = Vec::new();
        for id in &exercise.after {
            match self.judge_without(exercise, &Fill::Solution, id) {
                Ok(Outcome::Passed { .. }) => {
                    findings.push(Finding::Failed(format!("after: the judging tests pass without {id}")));
                }
                Ok(_) => {}
                Err(error) => findings.push(failed(error)),
            }
        }
        let below = self.catalogue.below(exercise);
        let others = self.catalogue.iter().filter(|other| below.iter().all(|one| one.id != other.id));
        let others: Vec<&str> = others.map(|other| other.id.as_str()).filter(|id| *id != exercise.id).collect();
        match self.judge_without(exercise, &Fill::Solution, &others.join(" ")) {
            Ok(Outcome::Passed { .. } | Outcome::Skipped { .. }) => {}
            Ok(Outcome::Strayed { into }) => {
                findings
                    .push(Finding::Failed(format!("after: the judging tests reach {into}, which it does not name")));
            }
            Ok(other) => {
                findings.push(Finding::Failed(format!("without what `after` does not name, {}", brief(&other))));
            }
            Err(error) => findings.push(failed(error)),
        }
        findings
    }

    fn prove_mistake(&self, exercise: &Exercise, mistake: &Mistake, bless: bool) -> Result<(), Finding> {
        let outcome = self
            .judge(exercise, &Fill::Statements(mistake.answer.clone()))
            .map_err(|error| Finding::Failed(format!("{error:#}")))?;
        let (cause, read) = match outcome {
            Outcome::Skipped { skips, .. } => return Err(skipped("", &skips)),
            Outcome::Failing(Failing { verdict: Some(Verdict { cause: Some(cause), read, .. }), .. }) => (cause, read),
            Outcome::Passed { .. } => return Err(Finding::Failed("passes, though it is wrong".into())),
            other => return Err(Finding::Failed(format!("must fail with a likely cause, but {}", brief(&other)))),
        };
        if mistake.cause.as_ref() != Some(&cause) {
            Self::settle(mistake, &cause, bless)?;
        }
        match pages::missing_section(self.origin, &read) {
            Some(missing) => Err(Finding::Failed(format!("is told to read what is not there: {missing}"))),
            None => Ok(()),
        }
    }

    /// Writes down what a mistake is told now, or complains that it is not what was written down.
    fn settle(mistake: &Mistake, told: &str, bless: bool) -> Result<(), Finding> {
        if bless {
            let written = tree::write_if_changed(&mistake.cause_file, format!("{told}\n").as_bytes());
            return written.map(|_| ()).map_err(|error| Finding::Failed(format!("{error:#}")));
        }
        Err(Finding::Failed(format!(
            "is told another cause than its .txt has (--bless writes it)\n.txt: {}\ntold: {told}",
            mistake.cause.as_deref().unwrap_or("(none)"),
        )))
    }

    /// Judges with `fill` in the hole of `exercise`.
    fn judge(&self, exercise: &Exercise, fill: &Fill) -> Result<Outcome> {
        self.judge_without(exercise, fill, "")
    }

    /// The same, with the holes of these exercises open.
    fn judge_without(&self, exercise: &Exercise, fill: &Fill, open: &str) -> Result<Outcome> {
        let position = |id: &str| self.catalogue.iter().position(|exercise| exercise.id == id);
        let here = position(&exercise.id);
        for (file, text) in &self.pristine {
            let text = fill::file(text, file, self.catalogue, |other| {
                Ok(match position(&other.id).cmp(&here) {
                    std::cmp::Ordering::Less => Fill::Switch,
                    std::cmp::Ordering::Equal => fill.clone(),
                    std::cmp::Ordering::Greater => Fill::Starter,
                })
            })?;
            tree::write_if_changed(&self.copy.root().join(file), text.as_bytes())?;
        }
        let status = Status::new();
        let progress = |line: &str| status.show(&format!("{}: {line}", exercise.id));
        let judge = Judge {
            workspace: &self.copy,
            catalogue: self.catalogue,
            target_dir: Some(self.origin.scratch().join("target")),
            running: Running::default(),
            progress: &progress,
        };
        let outcome = match judge.build(exercise) {
            Ok(binaries) => judge.run(exercise, &binaries, &[(fill::OPEN, open)]),
            Err(outcome) => *outcome,
        };
        status.clear();
        Ok(outcome)
    }
}

fn skipped(what: &str, skips: &[crate::outcome::Skip]) -> Finding {
    let skips: Vec<String> = skips.iter().map(|skip| format!("{} needs {}", skip.test, skip.missing)).collect();
    Finding::Skipped(format!("{what}{}", skips.join(", ")))
}

/// An outcome, so that an author can act on it.
fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::NotStarted => "its own todo! is reached".into(),
        Outcome::DoesNotCompile { errors, .. } => format!("it does not compile\n{errors}"),
        Outcome::Failing(failing) => match &failing.verdict {
            Some(Verdict { what, cause: Some(cause), .. }) if what.is_empty() => {
                format!("{} fails: {cause}", failing.test)
            }
            Some(Verdict { what, cause: Some(cause), .. }) => format!("{} fails: {what}: {cause}", failing.test),
            Some(Verdict { what, expected, seen, .. }) => {
                format!("{} fails without a likely cause: {what}\nexpected: {expected}\nseen: {seen}", failing.test)
            }
            None => format!("{} fails without a likely cause\n{}", failing.test, failing.said),
        },
        Outcome::Passed { .. } => "it passes".into(),
        Outcome::Skipped { .. } => "it is skipped".into(),
        Outcome::Hangs(hang) => format!("it hangs\n{}", hang.waits.join("\n")),
        Outcome::Cancelled => "it was cancelled".into(),
        Outcome::Blocked { by, .. } | Outcome::Strayed { into: by } => {
            format!(
                "its tests reach the hole of {by}, which a learner does later (name it in `after`, or judge without it)"
            )
        }
        Outcome::Broken(broken) => format!("nothing could be judged: {}\n{}", broken.what, broken.detail),
    }
}
