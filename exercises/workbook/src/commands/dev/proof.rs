//! Proving one exercise, as a learner meets it: all before it are solved, all after it are empty.

use std::collections::BTreeMap;
use std::thread;

use anyhow::Result;

use crate::build::Binary;
use crate::catalogue::Catalogue;
use crate::commands::dev::answers::{Answers, Choice, at_once};
use crate::commands::dev::pages;
use crate::commands::dev::tally::Finding;
use crate::exercise::{Exercise, Mistake};
use crate::hole::Answer;
use crate::outcome::{Failing, Outcome, Verdict};
use crate::render;
use crate::terminal::{Status, say};
use crate::tree;
use crate::workspace::Workspace;

/// Runs for each processor: the longest wait for a test that hangs, and need none.
const RUNS: usize = 3;

/// A copy of the workspace for proofs, with all wrong answers. It stays where it is, so that only what changes is compiled
/// again.
pub(crate) struct Proof<'a> {
    origin: &'a Workspace,
    catalogue: &'a Catalogue,
    answers: Answers<'a>,
}

/// What a hole is judged with.
enum Attempt<'a> {
    Starter,
    Solution,
    Mistake(usize, &'a Mistake),
    /// The solution, where a hole is open that it is said to need.
    Without(&'a str),
    /// The solution, where all holes are open that it is not said to need.
    Alone,
}

impl<'a> Proof<'a> {
    pub(crate) fn prepare(origin: &'a Workspace, catalogue: &'a Catalogue) -> Result<Self> {
        let answer = |mistake: Mistake| Answer { name: mistake.name, statements: mistake.answer };
        let answers: BTreeMap<String, Vec<Answer>> = catalogue
            .iter()
            // Those that cannot be read are reported where they are proved.
            .map(|one| (one.id.clone(), one.mistakes().unwrap_or_default().into_iter().map(answer).collect()))
            .collect();
        Ok(Self { origin, catalogue, answers: Answers::prepare(origin, catalogue, "dev", answers)? })
    }

    /// Says what was tried, and what was not as it should be.
    pub(crate) fn prove(&mut self, exercise: &Exercise, only_starter: bool, bless: bool) -> (String, Vec<Finding>) {
        let mut findings = self.prove_hints(exercise);
        let binaries = match self.answers.build(exercise) {
            Ok(binaries) => binaries,
            Err(error) => {
                findings.push(Finding::Failed(format!("{error:#}")));
                return ("starter".into(), findings);
            }
        };
        let mistakes = exercise.mistakes().unwrap_or_else(|error| {
            findings.push(Finding::Failed(format!("{error:#}")));
            Vec::new()
        });
        let attempts = self.attempts(exercise, &mistakes, only_starter);
        let status = Status::new();
        let workers = RUNS * thread::available_parallelism().map_or(1, usize::from);
        let outcomes = at_once(&attempts, workers, |attempt| {
            status.show(&format!("{}: {}", exercise.id, attempt.name()));
            self.judge(exercise, &binaries, attempt)
        });
        status.clear();
        let mut solved = true;
        for (attempt, outcome) in attempts.iter().zip(outcomes) {
            let needs_solution = matches!(attempt, Attempt::Without(_) | Attempt::Alone);
            if needs_solution && !solved {
                continue;
            }
            let mut found = self.finding(attempt, outcome, bless);
            if let Some(Finding::Failed(said)) = &found {
                // Beside the others, what must happen in time can be late: it counts when it is so alone, too.
                let beside = said.lines().next().unwrap_or_default().to_owned();
                found = self.finding(attempt, self.judge(exercise, &binaries, attempt), bless);
                if found.is_none() {
                    say(&format!("well when alone: {}: {beside}\n", exercise.id));
                }
            }
            let failed = matches!(found, Some(Finding::Failed(_)));
            findings.extend(found);
            match attempt {
                Attempt::Starter if failed => return ("starter".into(), findings),
                Attempt::Solution => solved = !failed,
                _ => {}
            }
        }
        if only_starter {
            return ("starter".into(), findings);
        }
        for (answer, errors) in self.answers.refused(&exercise.id) {
            let said =
                format!("wrong/{}.rs must fail with a likely cause, but it does not compile\n{errors}", answer.name);
            findings.push(Finding::Failed(said));
        }
        if mistakes.is_empty() {
            findings.push(Finding::Failed("it has no wrong answer: what do people get wrong here?".into()));
        }
        (format!("starter, solution, {}", render::count(mistakes.len(), "wrong answer")), findings)
    }

    /// All that an exercise is judged with; wrong answers only where they are Rust.
    fn attempts<'b>(&self, exercise: &'b Exercise, mistakes: &'b [Mistake], only_starter: bool) -> Vec<Attempt<'b>> {
        let mut attempts = vec![Attempt::Starter];
        if only_starter {
            return attempts;
        }
        for (index, answer) in self.answers.good(&exercise.id).iter().enumerate() {
            let mistake = mistakes.iter().find(|mistake| mistake.name == answer.name);
            attempts.extend(mistake.map(|mistake| Attempt::Mistake(index, mistake)));
        }
        attempts.push(Attempt::Solution);
        // `after` names what the judging tests reach, and no more: each hole that it names is opened again, and must be
        // missed; then all others at once, and none may be.
        attempts.extend(exercise.after.iter().map(|id| Attempt::Without(id)));
        attempts.push(Attempt::Alone);
        attempts
    }

    fn judge(&self, exercise: &Exercise, binaries: &[Binary], attempt: &Attempt<'_>) -> Outcome {
        let later = self.catalogue.iter().skip_while(|other| other.id != exercise.id).skip(1);
        let mut choices: Vec<Choice<'_>> = later.map(|other| Choice::Open(&other.id)).collect();
        match attempt {
            Attempt::Starter => choices.push(Choice::Open(&exercise.id)),
            Attempt::Mistake(index, _) => choices.push(Choice::Answer(&exercise.id, *index)),
            Attempt::Solution => {}
            Attempt::Without(id) => choices.push(Choice::Open(id)),
            Attempt::Alone => {
                let below = self.catalogue.below(exercise);
                let other = |one: &&Exercise| one.id != exercise.id && below.iter().all(|needed| needed.id != one.id);
                choices = self.catalogue.iter().filter(other).map(|one| Choice::Open(&one.id)).collect();
            }
        }
        self.answers.run(exercise, binaries, &choices)
    }

    /// What is not as it should be about one attempt.
    fn finding(&self, attempt: &Attempt<'_>, outcome: Outcome, bless: bool) -> Option<Finding> {
        match attempt {
            Attempt::Starter => judge_starter(outcome),
            Attempt::Mistake(_, mistake) => self.judge_mistake(mistake, outcome, bless).err().map(|said| match said {
                Finding::Failed(said) => Finding::Failed(format!("wrong/{}.rs {said}", mistake.name)),
                Finding::Skipped(said) => Finding::Skipped(format!("wrong/{}.rs: {said}", mistake.name)),
            }),
            Attempt::Solution => judge_solution(outcome),
            Attempt::Without(id) => judge_without(id, &outcome),
            Attempt::Alone => judge_alone(outcome),
        }
    }

    fn prove_hints(&self, exercise: &Exercise) -> Vec<Finding> {
        let leaks = exercise.hints.leaks(self.answers.ours(exercise)).into_iter();
        leaks.map(|line| Finding::Failed(format!("hints.md gives away a line of the solution: {line}"))).collect()
    }

    fn judge_mistake(&self, mistake: &Mistake, outcome: Outcome, bless: bool) -> Result<(), Finding> {
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
}

impl Attempt<'_> {
    fn name(&self) -> &str {
        match self {
            Attempt::Starter => "the empty hole",
            Attempt::Solution => "the solution",
            Attempt::Mistake(_, mistake) => &mistake.name,
            Attempt::Without(id) => id,
            Attempt::Alone => "what it builds on",
        }
    }
}

fn judge_starter(outcome: Outcome) -> Option<Finding> {
    match outcome {
        Outcome::NotStarted => None,
        Outcome::Skipped { skips, .. } => Some(skipped("starter: ", &skips)),
        other => Some(Finding::Failed(format!("the starter must fail by its own todo!, but {}", brief(&other)))),
    }
}

fn judge_solution(outcome: Outcome) -> Option<Finding> {
    match outcome {
        Outcome::Passed { .. } => None,
        Outcome::Skipped { skips, .. } => Some(skipped("solution: ", &skips)),
        other => Some(Finding::Failed(format!("the solution must pass, but {}", brief(&other)))),
    }
}

fn judge_without(id: &str, outcome: &Outcome) -> Option<Finding> {
    let passes = matches!(outcome, Outcome::Passed { .. });
    passes.then(|| Finding::Failed(format!("after: the judging tests pass without {id}")))
}

fn judge_alone(outcome: Outcome) -> Option<Finding> {
    match outcome {
        Outcome::Passed { .. } | Outcome::Skipped { .. } => None,
        Outcome::Strayed { into } => {
            Some(Finding::Failed(format!("after: the judging tests reach {into}, which it does not name")))
        }
        other => Some(Finding::Failed(format!("without what `after` does not name, {}", brief(&other)))),
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
