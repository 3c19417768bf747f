//! `cargo wb list`: all exercises, and how far they are.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;

use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::progress::{Entry, Progress, State};
use crate::render::{self, BOLD, DIM, GOOD, WARN};
use crate::terminal::say;
use crate::workspace::{Role, Workspace};

pub(crate) fn run() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let catalogue = Catalogue::load(&workspace)?;
    let progress = Progress::load(workspace.root())?;
    let mut text = table(&workspace, &catalogue, &progress);
    if workspace.role() == Role::Origin {
        text += "This is the original. Do them in a directory of your own: cargo wb init DIR\n";
    }
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// The table, chapter by chapter, with a total.
pub(crate) fn table(workspace: &Workspace, catalogue: &Catalogue, progress: &Progress) -> String {
    let width = |of: fn(&Exercise) -> usize| catalogue.iter().map(of).max().unwrap_or(0);
    let names = width(|exercise| name(exercise).chars().count());
    let titles = width(|exercise| exercise.title.chars().count());
    let mut text = String::new();
    let mut chapter = "";
    for exercise in catalogue {
        if exercise.page() != chapter {
            chapter = exercise.page();
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", render::paint(BOLD, &heading(workspace, chapter)));
        }
        let entry = progress.get(&exercise.id);
        let (style, state) = match entry.state {
            State::Open => (DIM, "open"),
            State::Lost => (WARN, "lost"),
            State::Skipped => (WARN, "skipped"),
            State::Passed => (GOOD, "passed"),
        };
        let row = format!(
            "  {}  {:names$}  {:titles$}  {:>3} min  {}",
            render::paint(style, &format!("{state:7}")),
            name(exercise),
            exercise.title,
            exercise.minutes,
            remarks(exercise, &entry)
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text + "\n" + &totals(catalogue, progress)
}

/// With its chapter, where that is not the one above.
fn name(exercise: &Exercise) -> &str {
    if exercise.page() == exercise.chapter() { exercise.name() } else { &exercise.id }
}

fn totals(catalogue: &Catalogue, progress: &Progress) -> String {
    let is = |state| catalogue.iter().filter(move |exercise| progress.state(&exercise.id) == state);
    let left: u32 =
        is(State::Open).chain(is(State::Lost)).chain(is(State::Skipped)).map(|exercise| exercise.minutes).sum();
    let skipped = match is(State::Skipped).count() {
        0 => String::new(),
        some => format!(", {some} skipped on this machine"),
    };
    let left = if left == 0 { String::new() } else { format!(", about {} left", render::duration(left)) };
    format!("{} of {} passed{skipped}{left}\n", is(State::Passed).count(), catalogue.iter().count())
}

fn remarks(exercise: &Exercise, entry: &Entry) -> String {
    let needs = (!exercise.needs.is_empty()).then(|| format!("needs {}", exercise.needs.join(", ")));
    let hints = (entry.hints > 0).then(|| render::count(entry.hints.into(), "hint"));
    [needs, hints].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `ch02-namespaces: 2. Namespaces`, if the book has a page for it.
fn heading(workspace: &Workspace, chapter: &str) -> String {
    let page = workspace.source(format!("book/src/{chapter}/index.md").as_ref()).unwrap_or_default();
    match page.lines().find_map(|line| line.strip_prefix("# ")) {
        Some(title) => format!("{chapter}: {}", title.trim()),
        None => chapter.to_owned(),
    }
}
