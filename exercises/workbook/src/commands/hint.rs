//! `cargo wb hint [ID]`: one hint more with each call, three in all.

use std::process::ExitCode;

use anyhow::Result;

use crate::hints::HEADINGS;
use crate::learner::Learner;
use crate::render::{self, BOLD, DIM};
use crate::terminal::say;

pub(crate) fn run(named: Option<&str>, level: Option<u8>) -> Result<ExitCode> {
    let mut learner = Learner::open()?;
    let Some(exercise) = learner.choose(named)?.cloned() else {
        say("Everything is passed: there is nothing left to hint at.\n");
        return Ok(ExitCode::SUCCESS);
    };
    let level = level.unwrap_or_else(|| next_level(learner.progress.get(&exercise.id).hints));
    learner.progress.set_hints(&exercise.id, level)?;
    say(&text(&exercise, level));
    Ok(ExitCode::SUCCESS)
}

/// The level after one that was given already.
pub(crate) fn next_level(given: u8) -> u8 {
    (given + 1).min(3)
}

/// One hint, and how to get more.
pub(crate) fn text(exercise: &crate::exercise::Exercise, level: u8) -> String {
    let id = &exercise.id;
    let more = match level {
        3 => format!("That was the last hint. The answer: cargo wb solution {id} --give-up"),
        _ => format!("Next hint: cargo wb hint {id}"),
    };
    format!(
        "{}: {}\n\n{}\n\n{}\n\n{}\n",
        render::paint(BOLD, id),
        exercise.title,
        render::paint(BOLD, HEADINGS[usize::from(level.clamp(1, 3)) - 1]),
        exercise.hints.level(level),
        render::paint(DIM, &more)
    )
}
