//! `cargo wb solution ID`: our answer, once the learner has one, or gives up.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::hole;
use crate::learner::Learner;
use crate::progress::State;
use crate::terminal::say;

pub(crate) fn run(named: &str, give_up: bool) -> Result<ExitCode> {
    let learner = Learner::open()?;
    let exercise = learner.catalogue.find(named)?;
    if learner.progress.state(&exercise.id) != State::Passed && !give_up {
        bail!(
            "{} is not passed yet\nhint: `cargo wb hint {}` helps without telling; `--give-up` tells",
            exercise.id,
            exercise.id
        );
    }
    let pristine = learner.workspace.pristine(&exercise.file)?;
    say(&hole::dedent(hole::contents(&pristine, &exercise.hole)?));
    Ok(ExitCode::SUCCESS)
}
