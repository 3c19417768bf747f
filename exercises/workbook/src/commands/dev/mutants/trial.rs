//! Judging mutants: all those of a chapter are in one program, and each is judged as a learner's answer would be.

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::build::Binary;
use crate::catalogue::Catalogue;
use crate::commands::dev::answers::{Answers, Choice, at_once};
use crate::exercise::Exercise;
use crate::hole::{self, Answer};
use crate::mutate::mutants;
use crate::outcome::{Failing, Outcome};
use crate::terminal::Status;
use crate::workspace::Workspace;

/// What became of a mutant.
#[derive(Debug)]
pub(super) enum Fate {
    Killed {
        told: String,
    },
    Survived,
    /// This machine cannot tell.
    Skipped,
    Broken(String),
}

impl Fate {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Killed { .. } => "killed",
            Self::Survived => "survives",
            Self::Skipped => "skipped",
            Self::Broken(_) => "broken",
        }
    }

    /// What its author would be told.
    pub(super) fn told(&self) -> &str {
        match self {
            Self::Killed { told } | Self::Broken(told) => told,
            Self::Survived | Self::Skipped => "",
        }
    }
}

/// Mutants that are compiled.
pub(super) struct Trial<'a> {
    answers: Answers<'a>,
    binaries: BTreeMap<String, Vec<Binary>>,
}

impl<'a> Trial<'a> {
    /// Makes the mutants of these exercises, and compiles them.
    pub(super) fn prepare(origin: &'a Workspace, catalogue: &'a Catalogue, exercises: &[&Exercise]) -> Result<Self> {
        let mut all = BTreeMap::new();
        for exercise in exercises {
            let text = origin.pristine(&exercise.file)?;
            let made = mutants(hole::contents(&text, &exercise.hole)?, &text)
                .with_context(|| format!("{}: {}", exercise.file.display(), exercise.hole))?;
            all.insert(exercise.id.clone(), made);
        }
        let mut answers = Answers::prepare(origin, catalogue, "mutants", all)?;
        let mut binaries = BTreeMap::new();
        for exercise in exercises {
            let built = answers.build(exercise).with_context(|| format!("mutants of {}", exercise.id))?;
            binaries.insert(exercise.id.clone(), built);
        }
        Ok(Self { answers, binaries })
    }

    /// Our answer, as it stands in the hole.
    pub(super) fn answer(&self, exercise: &Exercise) -> &str {
        self.answers.ours(exercise)
    }

    /// Judges every mutant of an exercise that is Rust.
    pub(super) fn judge(&self, exercise: &Exercise) -> Result<Vec<(&Answer, Fate)>> {
        let Some(binaries) = self.binaries.get(&exercise.id) else { bail!("it was not compiled") };
        let outcome = self.answers.run(exercise, binaries, &[]);
        ensure!(
            matches!(outcome, Outcome::Passed { .. } | Outcome::Skipped { .. }),
            "our own answer does not pass: {}",
            told(&outcome)
        );
        let mutants: Vec<(usize, &Answer)> = self.answers.good(&exercise.id).iter().enumerate().collect();
        let status = Status::new();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let fates = at_once(&mutants, workers, |(index, mutant)| {
            status.show(&format!("{}: {} of {}: {}", exercise.id, index + 1, mutants.len(), mutant.name));
            fate(&self.answers.run(exercise, binaries, &[Choice::Answer(&exercise.id, *index)]))
        });
        status.clear();
        Ok(mutants.iter().map(|(_, mutant)| *mutant).zip(fates).collect())
    }
}

fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Passed { .. } => Fate::Survived,
        Outcome::Skipped { .. } => Fate::Skipped,
        Outcome::Failing(_) | Outcome::Hangs(_) => Fate::Killed { told: told(outcome) },
        other => Fate::Broken(format!("{other:?}")),
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failing(Failing { verdict: Some(verdict), .. }) => match &verdict.cause {
            Some(cause) => cause.clone(),
            None => format!("(unknown) {}: expected {}, seen {}", verdict.what, verdict.expected, verdict.seen),
        },
        Outcome::Failing(failing) => format!("(nothing known) {}", failing.said),
        Outcome::Hangs(hang) => format!("(hangs) {}", hang.waits.join("; ")),
        other => format!("{other:?}"),
    }
}
