//! `cargo wb check [ID]`: judges one exercise.

use std::process::ExitCode;

use anyhow::Result;

use crate::learner::{self, Learner};
use crate::outcome::Outcome;
use crate::running::Running;
use crate::terminal::{Status, say};

pub(crate) fn run(named: Option<&str>) -> Result<ExitCode> {
    let mut learner = Learner::open()?;
    let Some(exercise) = learner.choose(named)?.cloned() else {
        say("Everything is passed. `cargo wb list` shows it.\n");
        return Ok(ExitCode::SUCCESS);
    };
    let judged = learner::judge(&learner.workspace, &learner.catalogue, &exercise, &Running::default(), &Status::new());
    learner.note(&exercise.id, &judged)?;
    say(&learner.report(&exercise, &judged));
    Ok(if matches!(judged.outcome, Outcome::Passed { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
