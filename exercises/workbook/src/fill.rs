//! Source files with some of their holes filled: how the original becomes a learner's copy, and back.

use std::path::Path;

use anyhow::{Context, Result};

use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::hole;

/// What to put in a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fill {
    /// The `todo!` that a learner begins with.
    Starter,
    /// These lines, as they are.
    Lines(String),
}

/// `pristine`, the text of `file`, with each of its holes filled as `fill` says.
pub(crate) fn file(
    pristine: &str,
    file: &Path,
    catalogue: &Catalogue,
    fill: impl Fn(&Exercise) -> Result<Fill>,
) -> Result<String> {
    let mut text = pristine.to_owned();
    for exercise in catalogue.iter().filter(|exercise| exercise.file == file) {
        let region = hole::find(pristine, &exercise.hole).with_context(|| file.display().to_string())?;
        let body = match fill(exercise)? {
            Fill::Starter => hole::starter(&region, &exercise.id, &exercise.title, &exercise.prompt),
            Fill::Lines(lines) => lines,
        };
        text = hole::replace(&text, &exercise.hole, &body).with_context(|| file.display().to_string())?;
    }
    Ok(text)
}

/// What a learner finds in the hole of `exercise` at first.
pub(crate) fn starter(pristine: &str, exercise: &Exercise) -> Result<String> {
    let region = hole::find(pristine, &exercise.hole).with_context(|| exercise.file.display().to_string())?;
    Ok(hole::starter(&region, &exercise.id, &exercise.title, &exercise.prompt))
}

/// The files that have holes.
pub(crate) fn files(catalogue: &Catalogue) -> std::collections::BTreeSet<&Path> {
    catalogue.iter().map(|exercise| exercise.file.as_path()).collect()
}
