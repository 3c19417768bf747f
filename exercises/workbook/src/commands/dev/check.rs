//! `cargo wb dev check`: proves every exercise both ways, in a copy of the workspace, and that the book agrees.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::book::contents::Contents;
use crate::build;
use crate::catalogue::{Catalogue, Fault};
use crate::commands::dev::proof::Proof;
use crate::commands::dev::tally::{Finding, Tally};
use crate::commands::dev::{generate, pages};
use crate::commands::init;
use crate::exercise::Exercise;
use crate::fill;
use crate::hole;
use crate::render;
use crate::terminal::say;
use crate::tree;
use crate::workspace::{Workspace, read};

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Only prove that the empty holes fail as they should.
    pub only_starters: bool,
    /// Only look at the book's pages.
    pub only_pages: bool,
    /// Write down what is said about the mistakes now.
    pub bless: bool,
}

/// Proves the exercises and chapters named, or all.
pub fn run(wanted: &[String], options: Options) -> Result<Tally> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let _lock = lock(&workspace, "lock")?;
    let (catalogue, faults) = Catalogue::survey(&workspace)?;
    let mut tally = Tally::default();
    let (wanted, everything) = report_faults(&faults, wanted, &catalogue, &mut tally);
    let chosen = if wanted.is_empty() && !everything { Vec::new() } else { catalogue.select(&wanted)? };
    check_book(&workspace, &catalogue, &chosen, everything, &mut tally);
    if !options.only_pages {
        let start = Instant::now();
        let findings = failures(full_circle(&workspace, &catalogue));
        tally.add("full circle", "all holes emptied compile, and filled again give the original", start, &findings);
        let mut proof = Proof::prepare(&workspace, &catalogue)?;
        for exercise in &chosen {
            let start = Instant::now();
            let (what, findings) = proof.prove(exercise, options.only_starters, options.bless);
            tally.add(&exercise.id, &what, start, &findings);
        }
    }
    say(&tally.summary());
    Ok(tally)
}

/// One check at a time: they share a directory.
pub(crate) fn lock(workspace: &Workspace, name: &str) -> Result<File> {
    let path = workspace.scratch().join(name);
    fs::create_dir_all(workspace.scratch()).with_context(|| format!("create {}", workspace.scratch().display()))?;
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("Another one is running; waiting for it.\n");
            file.lock().with_context(|| format!("lock {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", path.display())),
    }
    Ok(file)
}

/// Counts the exercises that cannot even be read, as far as they are wanted. Returns what else is wanted, and whether
/// that is everything.
fn report_faults(faults: &[Fault], wanted: &[String], catalogue: &Catalogue, tally: &mut Tally) -> (Vec<String>, bool) {
    for fault in faults.iter().filter(|fault| wanted.is_empty() || wanted.iter().any(|word| fault.is_named_by(word))) {
        let said = Finding::Failed(format!("{:#}", fault.error));
        tally.add(&fault.id, "cannot be read", Instant::now(), &[said]);
    }
    // A word that names a fault alone names nothing else.
    let names_more = |word: &&String| catalogue.select(&[(*word).clone()]).is_ok();
    let names_fault = |word: &&String| faults.iter().any(|fault| fault.is_named_by(word));
    let rest = wanted.iter().filter(|word| names_more(word) || !names_fault(word)).cloned().collect();
    (rest, wanted.is_empty())
}

fn check_book(workspace: &Workspace, catalogue: &Catalogue, chosen: &[&Exercise], everything: bool, tally: &mut Tally) {
    let mut chapters: Vec<&str> = chosen.iter().flat_map(|exercise| [exercise.page(), exercise.chapter()]).collect();
    let contents = Contents::load(workspace);
    if everything {
        chapters.extend(contents.chapters());
    }
    chapters.sort_unstable();
    chapters.dedup();
    for chapter in chapters {
        let start = Instant::now();
        let is_in = |exercise: &&Exercise| exercise.page() == chapter || exercise.chapter() == chapter;
        let of_chapter: Vec<&Exercise> = chosen.iter().copied().filter(is_in).collect();
        let findings = failures(pages::check_chapter(workspace, catalogue, chapter, &of_chapter));
        tally.add(&format!("book/src/{chapter}"), "shape, exercises, listings", start, &findings);
    }
    if everything {
        let start = Instant::now();
        let findings = failures(pages::check_includes(workspace));
        tally.add("book/src", "every file and anchor that a page shows exists", start, &findings);
        let findings = failures(generate::stale(workspace));
        tally.add("book/src/generated", "as `cargo wb dev generate` writes it", start, &findings);
    }
}

/// Faults that were found, or the one that stopped the search.
fn failures(found: Result<Vec<String>>) -> Vec<Finding> {
    let found = found.unwrap_or_else(|error| vec![format!("{error:#}")]);
    found.into_iter().map(Finding::Failed).collect()
}

/// Makes a learner's directory, in which everything compiles, fills every hole from what is kept there, and compares: the
/// result must be ours, byte for byte.
fn full_circle(workspace: &Workspace, catalogue: &Catalogue) -> Result<Vec<String>> {
    let directory = workspace.scratch().join("circle");
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    init::fill_directory(workspace, catalogue, &directory)?;
    let learner = Workspace::at(&directory);
    let packages: BTreeSet<&str> =
        catalogue.iter().flat_map(|exercise| &exercise.tests).map(|tests| tests.package.as_str()).collect();
    if let Some(errors) = build::refused(&directory, &workspace.scratch().join("dev-target"), &packages) {
        return Ok(vec![format!("with all holes empty it does not compile\n{errors}")]);
    }
    for file in fill::files(catalogue) {
        let pristine = learner.pristine(file)?;
        let mut text = learner.source(file)?;
        for exercise in catalogue.iter().filter(|exercise| exercise.file == file) {
            text = hole::replace(&text, &exercise.hole, hole::contents(&pristine, &exercise.hole)?)?;
        }
        tree::write_if_changed(&directory.join(file), text.as_bytes())?;
    }
    let chapters = tree::files(workspace.root())?.into_iter().filter(|name| name.starts_with("chapters"));
    let mut differing = Vec::new();
    for name in chapters {
        let bytes = |root: &std::path::Path| fs::read(root.join(&name)).ok();
        if bytes(workspace.root()) != bytes(&directory) {
            let diff = match (read(&workspace.root().join(&name)), read(&directory.join(&name))) {
                (Ok(ours), Ok(theirs)) => render::diff(&ours, &theirs),
                _ => String::new(),
            };
            differing.push(format!("{} is not as in the original\n{diff}", name.display()));
        }
    }
    Ok(differing)
}
