//! All exercises, in the order of the book's pages, and found by what people type.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};

use crate::book::contents::Contents;
use crate::exercise::Exercise;
use crate::hole;
use crate::workspace::Workspace;

/// All exercises: as the pages ask them, each after those it builds on.
#[derive(Debug)]
pub(crate) struct Catalogue(Vec<Exercise>);

/// What is wrong with an exercise that cannot be used.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) id: String,
    pub(crate) error: Error,
}

impl Fault {
    /// Whether `word` names this exercise, or its chapter.
    pub(crate) fn is_named_by(&self, word: &str) -> bool {
        let chapter = self.id.split('/').next().unwrap_or_default();
        names_exercise(word, &self.id) || names_chapter(word, chapter)
    }
}

impl Catalogue {
    /// Reads and checks every exercise.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self> {
        let (catalogue, faults) = Self::survey(workspace)?;
        let faults: Vec<String> = faults.into_iter().map(|fault| format!("{:#}", fault.error)).collect();
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(catalogue)
    }

    /// Reads every exercise, and sets those aside that have a fault of their own.
    pub(crate) fn survey(workspace: &Workspace) -> Result<(Self, Vec<Fault>)> {
        let (mut exercises, mut faults) = (Vec::new(), Vec::new());
        for chapter in directories(&workspace.root().join("exercises"))?.iter().filter(|path| is_chapter(path)) {
            for directory in directories(chapter)? {
                match load_one(workspace, &directory) {
                    Ok(exercise) => exercises.push(exercise),
                    Err(error) => faults.push(Fault { id: short_path(&directory), error }),
                }
            }
        }
        let catalogue = Self(in_order(exercises, &faults, &Contents::load(workspace))?);
        catalogue.check_unique()?;
        Ok((catalogue, faults))
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Exercise> {
        self.0.iter()
    }

    /// The exercise that someone means: `ch02-namespaces/enter-uts`, `ch02/enter-uts` or `enter-uts`.
    pub(crate) fn find(&self, wanted: &str) -> Result<&Exercise> {
        match *self.0.iter().filter(|exercise| names_exercise(wanted, &exercise.id)).collect::<Vec<_>>() {
            [exercise] => Ok(exercise),
            [] => {
                let near = self.nearest(wanted).map(|id| format!("did you mean {id}? ")).unwrap_or_default();
                bail!("there is no exercise {wanted:?}\nhint: {near}`cargo wb list` names them all")
            }
            [first, second, ..] => {
                bail!("{wanted:?} can be {} or {}\nhint: type it with its chapter", first.id, second.id)
            }
        }
    }

    /// The exercises that someone means by ids and chapters, in order; nothing means all.
    pub(crate) fn select(&self, wanted: &[String]) -> Result<Vec<&Exercise>> {
        let mut chosen = BTreeSet::new();
        for word in wanted {
            let of_chapter: Vec<&Exercise> = self.0.iter().filter(|exercise| exercise.is_in(word)).collect();
            if of_chapter.is_empty() {
                chosen.insert(&self.find(word)?.id);
            } else {
                chosen.extend(of_chapter.iter().map(|exercise| &exercise.id));
            }
        }
        Ok(self.0.iter().filter(|exercise| wanted.is_empty() || chosen.contains(&exercise.id)).collect())
    }

    /// The exercises that this one builds on, whatever is between, in order.
    pub(crate) fn below(&self, exercise: &Exercise) -> Vec<&Exercise> {
        let mut known: BTreeSet<&str> = exercise.after.iter().map(String::as_str).collect();
        // Each stands after those that it names.
        for other in self.0.iter().rev() {
            if known.contains(other.id.as_str()) {
                known.extend(other.after.iter().map(String::as_str));
            }
        }
        self.0.iter().filter(|other| known.contains(other.id.as_str())).collect()
    }

    fn nearest(&self, wanted: &str) -> Option<&str> {
        let likeness = |exercise: &Exercise| {
            let id = similar::TextDiff::from_chars(wanted, &exercise.id).ratio();
            id.max(similar::TextDiff::from_chars(wanted, exercise.name()).ratio())
        };
        let best = self.0.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.6).then_some(best.id.as_str())
    }

    /// Two exercises with one hole could not both be done, and two with one prompt could not be told apart.
    fn check_unique(&self) -> Result<()> {
        let (mut holes, mut prompts) = (BTreeMap::new(), BTreeMap::new());
        for exercise in &self.0 {
            if let Some(other) = holes.insert((&exercise.file, &exercise.hole), &exercise.id) {
                bail!("{}: hole: {} has it already", exercise.toml(), other);
            }
            if let Some(other) = prompts.insert(&exercise.prompt, &exercise.id) {
                bail!("{}: prompt: {} has the same", exercise.toml(), other);
            }
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Catalogue {
    type Item = &'a Exercise;
    type IntoIter = std::slice::Iter<'a, Exercise>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Exercise {
    /// Whether `word` names the chapter whose code it is, or the one that asks it.
    fn is_in(&self, word: &str) -> bool {
        names_chapter(word, self.chapter()) || names_chapter(word, self.page())
    }

    fn toml(&self) -> String {
        format!("exercises/{}/exercise.toml", self.id)
    }
}

/// Whether a directory is called like a chapter: `ch02-namespaces`.
pub(crate) fn is_chapter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("ch").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The directories in `path`, sorted.
pub(crate) fn directories(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| format!("read {}", path.display()))?;
    let entries: Vec<_> = entries.collect::<Result<_, _>>().with_context(|| format!("read {}", path.display()))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    Ok(paths)
}

/// `ch02-namespaces/enter-uts`, `ch02/enter-uts` and `enter-uts` all name one exercise.
fn names_exercise(word: &str, id: &str) -> bool {
    let (chapter, name) = id.split_once('/').unwrap_or(("", id));
    match word.split_once('/') {
        Some((left, right)) => right == name && names_chapter(left, chapter),
        None => word == name,
    }
}

/// `ch02-namespaces` and `ch02` both name one chapter, `ch0` none.
pub(crate) fn names_chapter(word: &str, chapter: &str) -> bool {
    let number = chapter.split('-').next().unwrap_or(chapter);
    word == chapter || word == number
}

fn load_one(workspace: &Workspace, directory: &Path) -> Result<Exercise> {
    let exercise = Exercise::load(directory)?;
    let text = workspace.pristine(&exercise.file).with_context(|| format!("{}: file", exercise.toml()))?;
    hole::find(&text, &exercise.hole)
        .with_context(|| format!("{}: hole: {}", exercise.toml(), exercise.file.display()))?;
    Ok(exercise)
}

/// The last two parts of a path: the id of the exercise there.
fn short_path(directory: &Path) -> String {
    let parts: Vec<_> = directory.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// Sorts as the book's pages ask them, then by name, and then so that each comes after those that it builds on.
fn in_order(mut exercises: Vec<Exercise>, faults: &[Fault], contents: &Contents) -> Result<Vec<Exercise>> {
    for exercise in &mut exercises {
        exercise.asked_in = contents.asked_in(&exercise.id);
    }
    exercises.sort_by_cached_key(|exercise| (contents.place(&exercise.id), exercise.id.clone()));
    let known: BTreeSet<String> = exercises.iter().map(|exercise| exercise.id.clone()).collect();
    let mut done: BTreeSet<String> = faults.iter().map(|fault| fault.id.clone()).collect();
    for exercise in &exercises {
        for id in &exercise.after {
            ensure!(known.contains(id) || done.contains(id), "{}: after: no exercise is {id:?}", exercise.toml());
            let earlier = id.split('/').next() <= Some(exercise.chapter());
            ensure!(earlier, "{}: after: {id} is in a later chapter", exercise.toml());
        }
    }
    let mut ordered = Vec::new();
    while !exercises.is_empty() {
        let waits = |exercise: &Exercise| exercise.after.iter().any(|id| !done.contains(id));
        let Some(index) = exercises.iter().position(|exercise| !waits(exercise)) else {
            // Of one chapter, for none builds on a later one.
            let chapter = exercises[0].chapter().to_owned();
            let ring = exercises.iter().filter(|exercise| exercise.chapter() == chapter);
            let ring: Vec<_> = ring.map(|exercise| exercise.id.as_str()).collect();
            bail!("{}: after: these wait for each other: {}", exercises[0].toml(), ring.join(", "));
        };
        let exercise = exercises.remove(index);
        done.insert(exercise.id.clone());
        ordered.push(exercise);
    }
    Ok(ordered)
}
