//! `cargo wb reset ID`: the hole as it was at first. What stood there is kept.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::exercise::Exercise;
use crate::fill::{self, Fill};
use crate::hole;
use crate::learner::Learner;
use crate::progress::State;
use crate::terminal::say;
use crate::tree;
use crate::workspace::STATE;

pub(crate) fn run(named: &str) -> Result<ExitCode> {
    let mut learner = Learner::open()?;
    let exercise = learner.catalogue.find(named)?.clone();
    // A file that was deleted is one of which nothing can be kept.
    let is_there = learner.workspace.root().join(&exercise.file).exists();
    let old = if is_there { learner.workspace.source(&exercise.file)? } else { String::new() };
    let pristine = learner.workspace.pristine(&exercise.file)?;
    let starter = fill::starter(&pristine, &exercise)?;
    let new = hole::replace(&old, &exercise.hole, &starter).or_else(|_| mend(&learner, &exercise, &old, &pristine))?;
    if new == old {
        say(&format!("{} is as it was at first already.\n", exercise.id));
    } else if !is_there {
        tree::write_if_changed(&learner.workspace.root().join(&exercise.file), new.as_bytes())?;
        say(&format!("{} was gone, and is back as it was at first.\n", exercise.file.display()));
    } else {
        let kept = keep(&learner, &exercise, &old)?;
        tree::write_if_changed(&learner.workspace.root().join(&exercise.file), new.as_bytes())?;
        say(&format!("{} is as it was at first. The file as you had it is in {}.\n", exercise.id, kept.display()));
    }
    learner.progress.set_state(&exercise.id, State::Open)?;
    Ok(ExitCode::SUCCESS)
}

/// A file whose markers were damaged, made again: the original, this hole empty, the others as far as they are found.
fn mend(learner: &Learner, exercise: &Exercise, old: &str, pristine: &str) -> Result<String> {
    fill::file(pristine, &exercise.file, &learner.catalogue, |other| {
        let kept = hole::contents(old, &other.hole).ok().filter(|_| other.id != exercise.id);
        Ok(kept.map_or(Fill::Starter, |body| Fill::Lines(body.to_owned())))
    })
}

/// Writes a file to the first free name in `.workbook/saved`; returns that name, relative to the workspace.
fn keep(learner: &Learner, exercise: &Exercise, text: &str) -> Result<PathBuf> {
    let directory = PathBuf::from(STATE).join("saved");
    let root = learner.workspace.root();
    fs::create_dir_all(root.join(&directory)).with_context(|| format!("create {}", directory.display()))?;
    let name = |number: u32| directory.join(format!("{}-{number}.rs", exercise.id.replace('/', "-")));
    let free = (1..u32::MAX).map(name).find(|name| !root.join(name).exists()).unwrap_or_else(|| name(0));
    fs::write(root.join(&free), text).with_context(|| format!("write {}", free.display()))?;
    Ok(free)
}
