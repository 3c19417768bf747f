//! What every command of a learner begins with: the workspace, the exercises and how far they are.

use std::sync::Arc;

use anyhow::Result;

use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::hole;
use crate::judge::Judge;
use crate::outcome::Outcome;
use crate::progress::{Progress, State};
use crate::render;
use crate::running::Running;
use crate::terminal::Status;
use crate::workspace::Workspace;

/// A learner's directory.
pub(crate) struct Learner {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) progress: Progress,
}

impl Learner {
    /// The one that the current directory is in.
    pub(crate) fn open() -> Result<Self> {
        let workspace = Workspace::find()?;
        workspace.require_learner()?;
        let catalogue = Catalogue::load(&workspace)?;
        let progress = Progress::load(workspace.root())?;
        for line in progress.unknown() {
            anstream::eprintln!("progress.txt: this line says nothing to me, and is kept: {line}");
        }
        Ok(Self { workspace: Arc::new(workspace), catalogue: Arc::new(catalogue), progress })
    }

    /// The exercise that is named, or the one to do now.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<Option<&Exercise>> {
        named.map_or_else(|| Ok(self.current()), |name| self.catalogue.find(name).map(Some))
    }

    /// The first that is not passed; what this machine cannot judge comes last.
    pub(crate) fn current(&self) -> Option<&Exercise> {
        let first = |state| self.catalogue.iter().find(|exercise| self.progress.state(&exercise.id) == state);
        first(State::Open).or_else(|| first(State::Skipped))
    }

    /// Notes what came out.
    pub(crate) fn note(&mut self, id: &str, outcome: &Outcome) -> Result<()> {
        match outcome {
            Outcome::Passed { .. } => self.progress.set_state(id, State::Passed),
            Outcome::Skipped { .. } if self.progress.state(id) == State::Open => {
                self.progress.set_state(id, State::Skipped)
            }
            _ => Ok(()),
        }
    }

    /// All that a learner reads after a judgement: the outcome, and the way on.
    pub(crate) fn report(&self, exercise: &Exercise, outcome: &Outcome) -> String {
        let text = render::outcome(exercise, &self.place(exercise), outcome);
        let next = self.current().filter(|next| next.id != exercise.id);
        let way_on = next.map_or_else(String::new, |next| {
            format!("  next:  {}, {} ({})\n", next.id, next.title, render::duration(next.minutes))
        });
        match outcome {
            Outcome::Passed { .. } => {
                let compare = format!("  compare with ours:  cargo wb diff {}\n", exercise.id);
                let last = "  That was the last one. This directory now holds a mini-docker of your own.\n";
                text + &compare + if way_on.is_empty() { last } else { &way_on }
            }
            Outcome::Skipped { .. } => text + &way_on,
            _ => text,
        }
    }

    /// Where the hole is: `chapters/ch02-namespaces/src/uts.rs:62`.
    pub(crate) fn place(&self, exercise: &Exercise) -> String {
        let text = self.workspace.source(&exercise.file).unwrap_or_default();
        match hole::find(&text, &exercise.hole) {
            Ok(region) => format!("{}:{}", exercise.file.display(), region.line),
            Err(_) => exercise.file.display().to_string(),
        }
    }
}

/// Judges an exercise of a learner, showing on `status` what goes on.
pub(crate) fn judge(
    workspace: &Workspace,
    catalogue: &Catalogue,
    exercise: &Exercise,
    running: &Running,
    status: &Status,
) -> Outcome {
    let progress = |line: &str| status.show(line);
    let judge = Judge { workspace, catalogue, target_dir: None, running: running.clone(), progress: &progress };
    let outcome = judge.judge(exercise);
    status.clear();
    // The message of a todo! may be lost on its way out of a child process, and without root it is not even reached.
    match outcome {
        Outcome::Failing(_) | Outcome::Hangs(_) | Outcome::Skipped { .. } if untouched(workspace, exercise) => {
            Outcome::NotStarted
        }
        outcome => outcome,
    }
}

/// Whether the hole still has the `todo!` that it began with.
fn untouched(workspace: &Workspace, exercise: &Exercise) -> bool {
    let text = workspace.source(&exercise.file).unwrap_or_default();
    hole::contents(&text, &exercise.hole).is_ok_and(|body| {
        let code = body.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("//"));
        code.is_some_and(|code| code.starts_with(&hole::open(&exercise.prompt)))
    })
}
