//! A copy of the workspace in whose holes stand many answers at once: an environment variable says which of them counts.
//! One build for hundreds of answers: that is what makes it fast enough to judge them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::build::{Binary, CompilerError};
use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::hole::{self, Answer};
use crate::judge::Judge;
use crate::outcome::Outcome;
use crate::running::Running;
use crate::terminal::Status;
use crate::tree;
use crate::workspace::Workspace;

/// Says what stands in which hole: `ch02-namespaces/enter-uts=7 ch03-rootfs/pivot=open`. Elsewhere it is our answer.
const CHOICE: &str = "WB_ANSWERS";
/// How often the compiler may find more that is no Rust: types first, then borrows, and so in each crate.
const ROUNDS: usize = 40;
/// Begins the line of each answer.
const ARM: &str = "/* answer */ ";

/// What stands in a hole.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice<'a> {
    /// The `todo!` that a learner begins with.
    Open(&'a str),
    /// One of its answers, counted from 0.
    Answer(&'a str, usize),
}

/// The copy.
pub(super) struct Answers<'a> {
    origin: &'a Workspace,
    catalogue: &'a Catalogue,
    copy: Workspace,
    target_dir: PathBuf,
    /// The files with holes, as they were when the copy was made: others may be writing.
    pristine: BTreeMap<PathBuf, String>,
    /// Of each exercise those that compile.
    good: BTreeMap<String, Vec<Answer>>,
    /// The others, and what the compiler says about them.
    refused: BTreeMap<String, Vec<(Answer, String)>>,
}

impl<'a> Answers<'a> {
    /// Makes the copy `name` with these answers, by the ids of their exercises. The holes of others are as they were.
    pub(super) fn prepare(
        origin: &'a Workspace,
        catalogue: &'a Catalogue,
        name: &str,
        answers: BTreeMap<String, Vec<Answer>>,
    ) -> Result<Self> {
        let directory = origin.scratch().join(name);
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let mut pristine = BTreeMap::new();
        for exercise in catalogue.iter().filter(|exercise| answers.contains_key(&exercise.id)) {
            pristine.insert(exercise.file.clone(), origin.pristine(&exercise.file)?);
        }
        let copy = Workspace::at(&directory);
        // One for each copy: to cargo, packages at the same place of two copies are one and the same.
        let target_dir = origin.scratch().join(format!("{name}-target"));
        let refused = BTreeMap::new();
        let answers = Self { origin, catalogue, copy, target_dir, pristine, good: answers, refused };
        answers.write()?;
        Ok(answers)
    }

    /// What can be chosen for the hole of an exercise.
    pub(super) fn good(&self, id: &str) -> &[Answer] {
        self.good.get(id).map_or(&[], Vec::as_slice)
    }

    /// What is no Rust, and why.
    pub(super) fn refused(&self, id: &str) -> &[(Answer, String)] {
        self.refused.get(id).map_or(&[], Vec::as_slice)
    }

    /// Our answer, as it stands in the hole.
    pub(super) fn ours(&self, exercise: &Exercise) -> &str {
        let text = self.pristine.get(&exercise.file).map(String::as_str).unwrap_or_default();
        hole::contents(text, &exercise.hole).unwrap_or_default()
    }

    /// Builds the tests of an exercise; answers that are no Rust are left out, until the rest is.
    pub(super) fn build(&mut self, exercise: &Exercise) -> Result<Vec<Binary>> {
        let status = Status::new();
        for _ in 0..ROUNDS {
            let progress = |line: &str| status.show(&format!("{}: {line}", exercise.id));
            let built = self.judge(&progress).try_build(exercise);
            status.clear();
            match built {
                Ok(Ok(binaries)) => return Ok(binaries),
                Ok(Err(errors)) => self.leave_out(&errors)?,
                Err(broken) => bail!("nothing could be judged: {}\n{}", broken.what, broken.detail),
            }
        }
        bail!("the answers to {} cannot be built", exercise.id)
    }

    /// Runs the tests of an exercise with these choices.
    pub(super) fn run(&self, exercise: &Exercise, binaries: &[Binary], choices: &[Choice<'_>]) -> Outcome {
        let words: Vec<String> = choices
            .iter()
            .map(|choice| match choice {
                Choice::Open(id) => format!("{id}=open"),
                Choice::Answer(id, index) => format!("{id}={index}"),
            })
            .collect();
        self.judge(&|_| {}).run(exercise, binaries, &[(CHOICE, &words.join(" "))])
    }

    fn judge<'b>(&'b self, progress: &'b (dyn Fn(&str) + Sync)) -> Judge<'b> {
        Judge {
            workspace: &self.copy,
            catalogue: self.catalogue,
            target_dir: Some(self.target_dir.clone()),
            running: Running::default(),
            progress,
        }
    }

    /// Without the answers in which the compiler sees errors.
    fn leave_out(&mut self, errors: &[CompilerError]) -> Result<()> {
        let mut guilty = self.named(errors, true)?;
        if guilty.is_empty() {
            guilty = self.named(errors, false)?;
        }
        let rendered = || errors.iter().map(|error| error.rendered.as_str()).collect::<String>();
        ensure!(!guilty.is_empty(), "it does not compile\n{}", rendered());
        for ((id, index), said) in guilty.into_iter().rev() {
            if let Some(answers) = self.good.get_mut(&id) {
                let answer = answers.remove(index);
                self.refused.entry(id).or_default().push((answer, said));
            }
        }
        self.write()
    }

    /// The answers in which these errors are, each with its own.
    fn named(&self, errors: &[CompilerError], primary: bool) -> Result<BTreeMap<(String, usize), String>> {
        let mut named: BTreeMap<(String, usize), String> = BTreeMap::new();
        for file in self.pristine.keys() {
            let (_, places) = self.text(file)?;
            for error in errors {
                let lines = error.places.iter().filter(|place| place.file == *file && place.primary == primary);
                let lines: BTreeSet<usize> = lines.map(|place| place.line).collect();
                for (id, index, _) in places.iter().filter(|(_, _, here)| lines.iter().any(|line| here.contains(line)))
                {
                    named.entry((id.clone(), *index)).or_default().push_str(&error.rendered);
                }
            }
        }
        Ok(named)
    }

    fn write(&self) -> Result<()> {
        tree::sync(self.origin.root(), self.copy.root(), |name| {
            self.pristine.contains_key(name).then(|| self.text(name).map(|(text, _)| text)).transpose()
        })
    }

    /// A file in whose holes all answers stand, and on which lines each of them does.
    #[expect(clippy::type_complexity, reason = "exercise, number, lines: used twice, right here")]
    fn text(&self, file: &Path) -> Result<(String, Vec<(String, usize, RangeInclusive<usize>)>)> {
        let mut text = self.pristine.get(file).cloned().unwrap_or_default();
        let here = || self.catalogue.iter().filter(|one| one.file == file && self.good.contains_key(&one.id));
        for exercise in here() {
            let region = hole::find(&text, &exercise.hole).with_context(|| file.display().to_string())?;
            let starter = hole::starter(&region, &exercise.id, &exercise.title, &exercise.prompt);
            let body = schema(&exercise.id, self.good(&exercise.id), &starter, &text[region.body()]);
            text = hole::replace(&text, &exercise.hole, &body)?;
        }
        let mut places = Vec::new();
        for exercise in here() {
            let first = hole::find(&text, &exercise.hole)?.line + 1;
            let body = hole::contents(&text, &exercise.hole)?;
            let begins = body.lines().enumerate().filter(|(_, line)| line.starts_with(ARM));
            let begins: Vec<usize> = begins.map(|(index, _)| first + index).collect();
            // The last two are the empty hole and ours.
            let answers = begins.windows(2).take(self.good(&exercise.id).len()).enumerate();
            places.extend(answers.map(|(index, pair)| (exercise.id.clone(), index, pair[0]..=pair[1] - 1)));
        }
        Ok((text, places))
    }
}

/// A block that is the answer of which the environment has the number, or the empty hole, or else ours.
fn schema(id: &str, answers: &[Answer], starter: &str, ours: &str) -> String {
    let mut text = format!(
        "static CHOICE: ::std::sync::LazyLock<String> = ::std::sync::LazyLock::new(|| {{\n    \
             let choices = ::std::env::var({CHOICE:?}).unwrap_or_default();\n    \
             choices.split(' ').find_map(|choice| choice.strip_prefix({:?})).unwrap_or_default().to_owned()\n\
         }});\nmatch CHOICE.as_str() {{\n",
        format!("{id}=")
    );
    for (index, answer) in answers.iter().enumerate() {
        let _ = writeln!(text, "{ARM}\"{index}\" => {{\n{}\n}}", answer.statements.trim_end());
    }
    let _ = writeln!(text, "{ARM}\"open\" => {{\n{starter}}}");
    let _ = writeln!(text, "{ARM}_ => {{\n{ours}}}\n}}");
    text
}

/// Does `work` with each of `items`, `workers` at once. What comes out stands in the order of the items.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], workers: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
