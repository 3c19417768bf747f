//! Judging mutants: all those of all exercises are compiled into one program, and an environment variable says which of
//! them is in its hole. One build for hundreds of answers: that is what makes it fast enough to be done at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::build::CompilerError;
use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::hole;
use crate::judge::Judge;
use crate::mutate::{Mutant, mutants};
use crate::outcome::{Failing, Outcome};
use crate::running::Running;
use crate::terminal::Status;
use crate::tree;
use crate::workspace::Workspace;

/// Says which mutant is in its hole: `ch02-namespaces/enter-uts=7`.
const CHOICE: &str = "WB_MUTANT";
/// How often the compiler may find more that is no Rust: types first, then borrows, and so in each crate.
const ROUNDS: usize = 40;

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

/// A copy of the workspace in which the holes have all their mutants at once.
pub(super) struct Trial<'a> {
    origin: &'a Workspace,
    catalogue: &'a Catalogue,
    copy: Workspace,
    /// Of each exercise the mutants that compile.
    mutants: BTreeMap<String, Vec<Mutant>>,
    binaries: BTreeMap<String, Vec<crate::build::Binary>>,
}

impl<'a> Trial<'a> {
    /// Makes the mutants of these exercises, and compiles them.
    pub(super) fn prepare(origin: &'a Workspace, catalogue: &'a Catalogue, exercises: &[&Exercise]) -> Result<Self> {
        let directory = origin.scratch().join("mutants");
        let mut all = BTreeMap::new();
        for exercise in exercises {
            let text = origin.pristine(&exercise.file)?;
            let made = mutants(hole::contents(&text, &exercise.hole)?, &text)
                .with_context(|| format!("{}: {}", exercise.file.display(), exercise.hole))?;
            all.insert(exercise.id.clone(), made);
        }
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let mut trial =
            Self { origin, catalogue, copy: Workspace::at(&directory), mutants: all, binaries: BTreeMap::new() };
        trial.copy_all()?;
        for exercise in exercises {
            trial.compile(exercise)?;
        }
        Ok(trial)
    }

    /// Our answer, as it stands in the hole.
    pub(super) fn answer(&self, exercise: &Exercise) -> String {
        let text = self.origin.pristine(&exercise.file).unwrap_or_default();
        hole::contents(&text, &exercise.hole).unwrap_or_default().to_owned()
    }

    /// Judges every mutant of an exercise.
    pub(super) fn judge(&self, exercise: &Exercise) -> Result<Vec<(&Mutant, Fate)>> {
        let (Some(mutants), Some(binaries)) = (self.mutants.get(&exercise.id), self.binaries.get(&exercise.id)) else {
            bail!("it was not compiled");
        };
        let outcome = self.run(exercise, binaries, 0);
        ensure!(
            matches!(outcome, Outcome::Passed { .. } | Outcome::Skipped { .. }),
            "our own answer does not pass: {}",
            told(&outcome)
        );
        let (next, fates) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let status = Status::new();
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(mutant) = mutants.get(index) else { return };
                        status.show(&format!("{}: {} of {}: {}", exercise.id, index + 1, mutants.len(), mutant.name));
                        let fate = fate(&self.run(exercise, binaries, index + 1));
                        fates.lock().unwrap_or_else(PoisonError::into_inner).push((index, fate));
                    }
                });
            }
        });
        status.clear();
        let mut fates = fates.into_inner().unwrap_or_else(PoisonError::into_inner);
        fates.sort_by_key(|(index, _)| *index);
        Ok(fates.into_iter().map(|(index, fate)| (&mutants[index], fate)).collect())
    }

    fn run(&self, exercise: &Exercise, binaries: &[crate::build::Binary], number: usize) -> Outcome {
        let choice = format!("{}={number}", exercise.id);
        self.judge_with(&|_| {}).run(exercise, binaries, &[(CHOICE, &choice)])
    }

    fn judge_with<'b>(&'b self, progress: &'b (dyn Fn(&str) + Sync)) -> Judge<'b> {
        Judge {
            workspace: &self.copy,
            catalogue: self.catalogue,
            // Not that of `dev check`: to cargo, packages at the same place of two copies are one and the same.
            target_dir: Some(self.origin.scratch().join("mutants-target")),
            running: Running::default(),
            progress,
        }
    }

    /// Builds the tests of an exercise; mutants that are no Rust are left out, until the rest is.
    fn compile(&mut self, exercise: &Exercise) -> Result<()> {
        let status = Status::new();
        for _ in 0..ROUNDS {
            let progress = |line: &str| status.show(&format!("mutants of {}: {line}", exercise.id));
            let built = self.judge_with(&progress).try_build(exercise);
            status.clear();
            match built {
                Ok(Ok(binaries)) => {
                    self.binaries.insert(exercise.id.clone(), binaries);
                    return Ok(());
                }
                Ok(Err(errors)) => self.leave_out(&errors)?,
                Err(broken) => bail!("{}\n{}", broken.what, broken.detail),
            }
        }
        bail!("the mutants of {} cannot be built", exercise.id)
    }

    /// Without the mutants in which the compiler sees errors.
    fn leave_out(&mut self, errors: &[CompilerError]) -> Result<()> {
        let mut guilty = self.named(errors, true)?;
        if guilty.is_empty() {
            guilty = self.named(errors, false)?;
        }
        let rendered = || errors.iter().map(|error| error.rendered.as_str()).collect::<String>();
        ensure!(!guilty.is_empty(), "an error is in no mutant:\n{}", rendered());
        for (id, index) in guilty.iter().rev() {
            if let Some(mutants) = self.mutants.get_mut(id) {
                mutants.remove(*index);
            }
        }
        self.copy_all()
    }

    /// The mutants in which these errors are.
    fn named(&self, errors: &[CompilerError], primary: bool) -> Result<BTreeSet<(String, usize)>> {
        let mut named = BTreeSet::new();
        for (file, exercises) in self.by_file() {
            let (_, places) = self.text(&file, &exercises)?;
            let all = errors.iter().flat_map(|error| &error.places);
            for place in all.filter(|place| place.file == file && place.primary == primary) {
                let here = places.iter().filter(|(_, _, lines)| lines.contains(&place.line));
                named.extend(here.map(|(id, index, _)| (id.clone(), *index)));
            }
        }
        Ok(named)
    }

    /// The files with holes that have mutants, and whose they are.
    fn by_file(&self) -> BTreeMap<PathBuf, Vec<&'a Exercise>> {
        let mut files: BTreeMap<PathBuf, Vec<&Exercise>> = BTreeMap::new();
        for exercise in self.catalogue.iter().filter(|exercise| self.mutants.contains_key(&exercise.id)) {
            files.entry(exercise.file.clone()).or_default().push(exercise);
        }
        files
    }

    fn copy_all(&self) -> Result<()> {
        let files = self.by_file();
        tree::sync(self.origin.root(), self.copy.root(), |name| {
            files.get(name).map(|exercises| self.text(name, exercises).map(|(text, _)| text)).transpose()
        })
    }

    /// A file in whose holes all mutants stand, and on which lines each of them does.
    #[expect(clippy::type_complexity, reason = "exercise, number, lines: used twice, right here")]
    fn text(
        &self,
        file: &std::path::Path,
        exercises: &[&Exercise],
    ) -> Result<(String, Vec<(String, usize, RangeInclusive<usize>)>)> {
        let mut text = self.origin.pristine(file)?;
        for exercise in exercises {
            let ours = hole::contents(&text, &exercise.hole)?.to_owned();
            text = hole::replace(&text, &exercise.hole, &schema(&exercise.id, &self.mutants[&exercise.id], &ours))?;
        }
        let mut places = Vec::new();
        for exercise in exercises {
            let first = hole::find(&text, &exercise.hole)?.line + 1;
            let body = hole::contents(&text, &exercise.hole)?;
            let starts: Vec<usize> = body
                .lines()
                .enumerate()
                .filter(|(_, line)| line.starts_with(ARM))
                .map(|(index, _)| first + index)
                .collect();
            // The last is ours.
            for (index, pair) in starts.windows(2).enumerate() {
                places.push((exercise.id.clone(), index, pair[0]..=pair[1] - 1));
            }
        }
        Ok((text, places))
    }
}

/// Begins the line of each answer.
const ARM: &str = "/* answer */ ";

/// A block that is the answer of which the environment has the number, else ours.
fn schema(id: &str, mutants: &[Mutant], ours: &str) -> String {
    let mut text = format!(
        "static CHOICE: ::std::sync::LazyLock<usize> = ::std::sync::LazyLock::new(|| {{\n    \
             let choice = ::std::env::var({CHOICE:?}).unwrap_or_default();\n    \
             choice.strip_prefix({:?}).and_then(|number| number.parse().ok()).unwrap_or(0)\n}});\nmatch *CHOICE {{\n",
        format!("{id}=")
    );
    for (index, mutant) in mutants.iter().enumerate() {
        let _ = writeln!(text, "{ARM}{} => {{\n{}\n}}", index + 1, mutant.answer.trim_end());
    }
    let _ = writeln!(text, "{ARM}_ => {{\n{ours}}}\n}}");
    text
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
