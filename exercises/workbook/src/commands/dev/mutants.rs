//! `cargo wb dev mutants [ID…]`: makes wrong answers out of ours, judges them as a learner's, and says which of them pass.

mod ledger;
mod trial;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::catalogue::Catalogue;
use crate::commands::dev::check::lock;
use crate::commands::dev::tally::{Finding, Tally};
use crate::exercise::Exercise;
use crate::render;
use crate::terminal::say;
use crate::workspace::Workspace;

use ledger::Ledger;
use trial::{Fate, Trial};

/// What the command line asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Judge also where a verdict is written down that still holds.
    pub again: bool,
    /// Say of each mutant what became of it, and what its author would be told.
    pub show: bool,
    /// What is not begun by then is skipped.
    pub at_most: Option<Duration>,
}

/// Judges the mutants of the exercises and chapters named, or of all.
pub(crate) fn run(wanted: &[String], options: Options) -> Result<ExitCode> {
    let tally = judge_all(wanted, options)?;
    say(&tally.summary());
    Ok(if tally.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same, for who wants to go on counting.
///
/// # Errors
/// When nothing could be judged.
pub fn judge_all(wanted: &[String], options: Options) -> Result<Tally> {
    let begin = Instant::now();
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let _lock = lock(&workspace, "mutants-lock")?;
    let catalogue = Catalogue::load(&workspace)?;
    let mut tally = Tally::default();
    let mut open: Vec<(&Exercise, Ledger)> = Vec::new();
    for exercise in catalogue.select(wanted)? {
        let ledger = Ledger::read(&workspace, exercise)?;
        if ledger.holds() && !options.again && !options.show {
            tally.add(&exercise.id, &format!("{}, as written down", ledger.summary()), Instant::now(), &[]);
        } else {
            open.push((exercise, ledger));
        }
    }
    // Chapter by chapter: where time is short, what was compiled is to be judged, too.
    for chapter in open.chunk_by_mut(|(one, _), (other, _)| one.chapter() == other.chapter()) {
        let is_late = || options.at_most.is_some_and(|limit| begin.elapsed() > limit);
        let exercises: Vec<&Exercise> = chapter.iter().map(|(exercise, _)| *exercise).collect();
        let trial = if is_late() { None } else { Some(Trial::prepare(&workspace, &catalogue, &exercises)?) };
        for (exercise, ledger) in chapter {
            let start = Instant::now();
            let (what, findings) = match &trial {
                Some(trial) if !is_late() => {
                    let findings = judge(trial, exercise, ledger, options);
                    (ledger.summary(), findings)
                }
                _ => {
                    let cure = format!("no time is left; cargo wb dev mutants {}", exercise.id);
                    ("the verdict is out of date".into(), vec![Finding::Skipped(cure)])
                }
            };
            tally.add(&exercise.id, &what, start, &findings);
        }
    }
    Ok(tally)
}

/// Judges all mutants of an exercise, and writes the verdict down if none survives.
fn judge(trial: &Trial, exercise: &Exercise, ledger: &mut Ledger, options: Options) -> Vec<Finding> {
    let fates = match trial.judge(exercise) {
        Ok(fates) => fates,
        Err(error) => return vec![Finding::Failed(format!("{error:#}"))],
    };
    let mut findings = Vec::new();
    let mut skipped = 0;
    ledger.begin();
    for (mutant, fate) in &fates {
        if options.show {
            say(&format!("{}: {}\n", fate.word(), mutant.name));
            say(&fate.told().lines().fold(String::new(), |text, line| format!("{text}    {line}\n")));
        }
        match fate {
            Fate::Killed { .. } => ledger.killed += 1,
            Fate::Skipped => skipped += 1,
            Fate::Survived if ledger.excuse(&mutant.name) => {}
            Fate::Survived => {
                let diff = render::diff(trial.answer(exercise), &mutant.statements);
                findings.push(Finding::Failed(format!("survives: {}\n{diff}", mutant.name)));
            }
            Fate::Broken(said) => findings.push(Finding::Failed(format!("{}: {said}", mutant.name))),
        }
    }
    findings.extend(
        ledger
            .useless()
            .map(|name| Finding::Failed(format!("equal.toml: {name:?} is no mutant that passes the tests (any more)"))),
    );
    if skipped > 0 {
        findings.push(Finding::Skipped(format!("{} could not be judged here", render::count(skipped, "mutant"))));
    }
    if findings.is_empty()
        && let Err(error) = ledger.write()
    {
        findings.push(Finding::Failed(format!("{error:#}")));
    }
    findings
}
