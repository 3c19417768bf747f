//! What every command of a learner begins with: the workspace, the exercises and how far they are.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::hole;
use crate::judge::Judge;
use crate::outcome::{Broken, Outcome};
use crate::passes::Passes;
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
    pub(crate) passes: Passes,
}

/// What came out for an exercise, and before it for those that it builds on.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    /// Those that had to be judged: their ids and what came out.
    pub(crate) before: Vec<(String, Outcome)>,
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
        let passes = Passes::load(&workspace);
        Ok(Self { workspace: Arc::new(workspace), catalogue: Arc::new(catalogue), progress, passes })
    }

    /// The exercise that is named, or the one to do now.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<Option<&Exercise>> {
        named.map_or_else(|| Ok(self.current()), |name| self.catalogue.find(name).map(Some))
    }

    /// The first that is not passed; what this machine cannot judge comes last.
    pub(crate) fn current(&self) -> Option<&Exercise> {
        let first = |wanted: &[State]| {
            self.catalogue.iter().find(|exercise| {
                wanted.contains(&self.progress.state(&exercise.id)) || self.passes.is_stale(&self.workspace, exercise)
            })
        };
        first(&[State::Open, State::Lost]).or_else(|| first(&[State::Skipped]))
    }

    /// Notes what came out, for the exercise and for those before it.
    pub(crate) fn note(&mut self, id: &str, judged: &Judged) -> Result<()> {
        for (before, outcome) in &judged.before {
            self.note_one(before, outcome)?;
        }
        self.note_one(id, &judged.outcome)
    }

    fn note_one(&mut self, id: &str, outcome: &Outcome) -> Result<()> {
        match outcome {
            Outcome::Passed { .. } => {
                let exercise = self.catalogue.find(id)?;
                self.passes.note(&self.workspace, exercise)?;
                self.progress.set_state(id, State::Passed)
            }
            Outcome::NotStarted
            | Outcome::DoesNotCompile { .. }
            | Outcome::Failing(_)
            | Outcome::Hangs(_)
            | Outcome::Strayed { .. }
                if self.progress.state(id) == State::Passed =>
            {
                self.progress.set_state(id, State::Lost)
            }
            Outcome::Skipped { .. } if self.progress.state(id) == State::Open => {
                self.progress.set_state(id, State::Skipped)
            }
            _ => Ok(()),
        }
    }

    /// All that a learner reads after a judgement: the outcome, and the way on.
    pub(crate) fn report(&self, exercise: &Exercise, judged: &Judged) -> String {
        let outcome = &judged.outcome;
        let mut text = render::outcome(exercise, &self.place(exercise), outcome);
        for (id, _) in judged.before.iter().filter(|(id, _)| self.progress.state(id) == State::Lost) {
            let _ = writeln!(text, "  lost:      {id} was passed, and does not pass any more");
        }
        let edited: Vec<String> = self.edits().iter().map(|file| file.display().to_string()).collect();
        if !edited.is_empty() {
            let _ = writeln!(text, "  changed:   outside of the holes: {}", edited.join(", "));
        }
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

    /// The files that are not as they were, in more than their holes. Whatever comes out, they may be why.
    fn edits(&self) -> Vec<PathBuf> {
        let altered = |file: &PathBuf| {
            let frame = |text: String| {
                let mut holes = self.catalogue.iter().filter(|exercise| exercise.file == *file);
                holes.try_fold(text, |text, exercise| hole::replace(&text, &exercise.hole, "").ok())
            };
            let now = self.workspace.source(file).ok().and_then(frame);
            now.is_none() || now != self.workspace.pristine(file).ok().and_then(frame)
        };
        self.workspace.kept().into_iter().filter(altered).collect()
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

/// Judges an exercise of a learner, showing on `status` what goes on; before it those that it builds on and that were
/// written or changed since they passed. One that was not begun is no obstacle, as long as no test gets there.
pub(crate) fn judge(
    workspace: &Workspace,
    catalogue: &Catalogue,
    exercise: &Exercise,
    running: &Running,
    status: &Status,
) -> Judged {
    let passes = Passes::load(workspace);
    let mut before = Vec::new();
    for other in catalogue.below(exercise) {
        if untouched(workspace, other) || passes.holds(workspace, other) {
            continue;
        }
        let outcome = judge_one(workspace, catalogue, other, running, status);
        let stops = !matches!(outcome, Outcome::Passed { .. } | Outcome::Skipped { .. });
        let passed_on = match &outcome {
            Outcome::Broken(_) | Outcome::Cancelled => outcome.clone(),
            other_outcome => Outcome::Blocked { by: other.id.clone(), because: Some(Box::new(other_outcome.clone())) },
        };
        before.push((other.id.clone(), outcome));
        if stops {
            return Judged { outcome: passed_on, before };
        }
    }
    Judged { outcome: judge_one(workspace, catalogue, exercise, running, status), before }
}

fn judge_one(
    workspace: &Workspace,
    catalogue: &Catalogue,
    exercise: &Exercise,
    running: &Running,
    status: &Status,
) -> Outcome {
    if !workspace.root().join(&exercise.file).exists() {
        let cure = format!("cargo wb reset {}", exercise.id);
        return Outcome::Broken(Broken::new(format!("{} is gone", exercise.file.display()), Some(&cure), ""));
    }
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
pub(crate) fn untouched(workspace: &Workspace, exercise: &Exercise) -> bool {
    let text = workspace.source(&exercise.file).unwrap_or_default();
    hole::contents(&text, &exercise.hole).is_ok_and(|body| {
        let code = body.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("//"));
        code.is_some_and(|code| code.starts_with(&hole::open(&exercise.id, &exercise.prompt)))
    })
}
