//! The listings of a page: short, of the page's width, and never the answer to an exercise.

use anyhow::Result;

use super::includes;
use super::markdown::{Fence, fences};
use crate::book::contents::Page;
use crate::book::listing::Sources;
use crate::book::page::{Directive, beside, parts};
use crate::book::{WIDTH, elide, shape};
use crate::hole;

/// The lines of a listing, when it is shown.
const LINES: usize = 15;

/// An answer's line that is shorter could be anybody's.
const TELLING: usize = 16;

/// Faults of one page.
pub(super) fn faults(sources: &Sources<'_>, page: &Page) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut shown: Vec<(String, String)> = Vec::new();
    for (_, directive) in parts(&page.text) {
        let listing = match directive {
            Some((Directive::Include { file, anchor }, _)) => included(sources, page, file, anchor)?,
            Some((Directive::YourTurn { id, anchor }, _)) => asked(sources, id, anchor)?,
            None => continue,
        };
        match listing {
            Ok(Some(listing)) => shown.push(listing),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(size_faults(sources, &shown));
    let typed = fences(&page.text).into_iter().filter(is_typed);
    faults.extend(typed.map(|fence| format!("code is typed into the page: {}", fence.lines.join(" "))));
    let by_line = includes(&page.text).filter(|name| {
        name.split_once(".rs:").is_some_and(|(_, place)| place.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
    });
    faults.extend(by_line.map(|name| format!("{name}: lines move; name an anchor")));
    faults.extend(told(sources, &page.text));
    Ok(faults)
}

/// A name and a text to be shown, nothing, or a fault.
type Listing = std::result::Result<Option<(String, String)>, String>;

fn included(sources: &Sources<'_>, page: &Page, file: &str, anchor: Option<&str>) -> Result<Listing> {
    let name = anchor.map_or_else(|| file.to_owned(), |anchor| format!("{file}:{anchor}"));
    if anchor.is_some_and(|anchor| anchor.starts_with("ex_")) {
        return Ok(Err(format!("{name} is the answer to an exercise")));
    }
    // What is not there is found elsewhere.
    let path = beside(&page.name, file);
    let is_there = sources.workspace.root().join(&path).is_file();
    let listing = if is_there { sources.listing(&path, anchor)? } else { None };
    Ok(Ok(listing.map(|listing| (name, listing))))
}

fn asked(sources: &Sources<'_>, id: &str, anchor: Option<&str>) -> Result<Listing> {
    let Some(exercise) = sources.catalogue.iter().find(|exercise| exercise.id == id) else {
        return Ok(Err(format!("there is no exercise {id} (with its chapter)")));
    };
    let Some(anchor) = anchor else { return Ok(Ok(None)) };
    let name = format!("{}:{anchor}", exercise.file.display());
    let Some(listing) = sources.listing(&exercise.file, Some(anchor))? else {
        return Ok(Err(format!("{id}: {} has no anchor {anchor}", exercise.file.display())));
    };
    if !listing.contains(&hole::turn(id)) {
        return Ok(Err(format!("{id}: its hole is not in {name}")));
    }
    Ok(Ok(Some((name, listing))))
}

fn size_faults(sources: &Sources<'_>, shown: &[(String, String)]) -> Vec<String> {
    let codes: Vec<&str> = shown.iter().map(|(_, code)| code.as_str()).collect();
    let shaped = shape::all(sources.workspace.root(), &sources.workspace.scratch(), &codes);
    let mut faults = Vec::new();
    for ((name, _), code) in shown.iter().zip(shaped) {
        let lines = code.trim_end().lines().count();
        if lines > LINES {
            faults.push(format!("{name}: {lines} lines, and a listing has at most {LINES}"));
        }
        for line in code.lines().filter(|line| line.chars().count() > WIDTH) {
            faults.push(format!("{name}: a line is wider than {WIDTH} columns: {}", line.trim()));
        }
    }
    faults
}

/// Rust that stands in no file, which nothing compiles.
fn is_typed(fence: &Fence<'_>) -> bool {
    fence.opening.starts_with("```rust") && fence.lines.iter().any(|line| !line.is_empty() && !line.starts_with("{{#"))
}

/// Answers that the page tells in its own words: two lines of one, or the only one.
fn told(sources: &Sources<'_>, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for exercise in sources.catalogue {
        let answer = elide::plumbing(&sources.answer(exercise).unwrap_or_default());
        let code = answer.lines().map(|line| line.trim().trim_end_matches(['{', '}', ';', '?', ',', ' ']));
        let mut telling: Vec<&str> = code.filter(|line| line.len() >= TELLING && !line.starts_with("//")).collect();
        telling.dedup();
        let told: Vec<&str> = telling.iter().copied().filter(|line| text.contains(line)).collect();
        if told.len() >= 2.min(telling.len().max(1)) {
            faults.push(format!("it tells the answer to {}: {}", exercise.id, told.join(" … ")));
        }
    }
    faults
}
