//! `cargo wb diff ID`: what the learner wrote, against the empty hole; after a pass, against ours.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::exercise::Exercise;
use crate::fill;
use crate::hole;
use crate::learner::Learner;
use crate::progress::State;
use crate::render::{self, DIM};
use crate::terminal::say;

pub(crate) fn run(named: &str) -> Result<ExitCode> {
    let learner = Learner::open()?;
    let exercise = learner.catalogue.find(named)?;
    let pristine = learner.workspace.pristine(&exercise.file)?;
    let theirs = written(&learner, exercise)?;
    let (legend, old, new) = if learner.progress.state(&exercise.id) == State::Passed {
        ("- yours  + ours", theirs, hole::contents(&pristine, &exercise.hole)?.to_owned())
    } else {
        ("- the hole as it was  + yours (ours is shown after you passed)", fill::starter(&pristine, exercise)?, theirs)
    };
    if old == new {
        say("No difference.\n");
    } else {
        let diff = render::diff(&hole::dedent(&old), &hole::dedent(&new));
        say(&format!("{}\n{diff}", render::paint(DIM, legend)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands in the learner's hole.
fn written(learner: &Learner, exercise: &Exercise) -> Result<String> {
    let text = learner.workspace.source(&exercise.file)?;
    let body = hole::contents(&text, &exercise.hole).with_context(|| {
        format!(
            "{}: the hole of {} cannot be found (hint: `cargo wb reset {}` makes it again, and keeps what you wrote)",
            exercise.file.display(),
            exercise.id,
            exercise.id
        )
    })?;
    Ok(body.to_owned())
}
