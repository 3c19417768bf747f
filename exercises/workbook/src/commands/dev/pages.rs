//! What the book's pages promise: the shape of a chapter, exercises that are asked, and code that is still there.

mod chapter;
mod listings;
mod markdown;
mod questions;
mod recap;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use markdown::headings;

use crate::book::contents::{Contents, SOURCE};
use crate::book::listing::Sources;
use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::workspace::{Workspace, read};

/// The faults of a chapter's pages; `exercises` are those that it asks, or whose code is its.
pub(crate) fn check_chapter(
    workspace: &Workspace,
    catalogue: &Catalogue,
    chapter: &str,
    exercises: &[&Exercise],
) -> Result<Vec<String>> {
    let contents = Contents::load(workspace);
    let mut faults = Vec::new();
    if contents.of(chapter).is_empty() {
        faults.push(format!("SUMMARY.md lists no page of {chapter}"));
    } else {
        let sources = Sources::new(workspace, catalogue);
        faults.extend(chapter::faults(&sources, &contents, chapter, exercises)?);
    }
    for exercise in exercises {
        if let Some(missing) = missing_section(workspace, &exercise.read) {
            faults.push(format!("{}: read: {missing}", exercise.id));
        }
    }
    for page in markdown_files(&workspace.root().join(SOURCE).join(chapter)).unwrap_or_default() {
        faults.extend(include_faults(&page)?);
        let name = page.strip_prefix(workspace.root()).unwrap_or(&page);
        if chapter::unlisted(&contents, name) {
            faults.push(format!("{} is not in SUMMARY.md", name.display()));
        }
    }
    Ok(faults)
}

/// Every include in the book that leads nowhere.
pub(crate) fn check_includes(workspace: &Workspace) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for page in markdown_files(&workspace.root().join("book/src"))? {
        faults.extend(include_faults(&page)?);
    }
    Ok(faults)
}

/// What is wrong with a reference such as `ch02-namespaces, "The UTS namespace"`, if anything is. That a chapter has no
/// page yet is said once, by [`check_chapter`].
pub(crate) fn missing_section(workspace: &Workspace, reference: &str) -> Option<String> {
    if reference.is_empty() {
        return None;
    }
    let parts = reference.split_once(", \"").and_then(|(page, rest)| Some((page, rest.strip_suffix('"')?)));
    let Some((chapter, section)) = parts else {
        return Some(format!("{reference:?} is not written as PAGE, \"SECTION\""));
    };
    let directory = Path::new(SOURCE).join(chapter);
    let Ok(pages) = markdown_files(&workspace.root().join(&directory)) else {
        let is_chapter = workspace.root().join("chapters").join(chapter).is_dir();
        return (!is_chapter).then(|| format!("{} does not exist", directory.display()));
    };
    let has_it = |page: &PathBuf| read(page).is_ok_and(|text| headings(&text).any(|(_, heading)| heading == section));
    (!pages.iter().any(has_it)).then(|| format!("no page in {} has a section {section:?}", directory.display()))
}

fn include_faults(page: &Path) -> Result<Vec<String>> {
    let text = read(page)?;
    let directory = page.parent().unwrap_or(page);
    let mut faults = Vec::new();
    for include in includes(&text) {
        let (file, anchor) = include.split_once(':').unwrap_or((include, ""));
        let anchor = anchor.split(':').next().unwrap_or_default();
        let fault = match fs::read_to_string(directory.join(file)) {
            Err(error) => Some(error.to_string()),
            // Line numbers are no anchors.
            Ok(_) if anchor.chars().all(|c| c.is_ascii_digit()) => None,
            Ok(source) => missing_anchor(&source, anchor),
        };
        faults.extend(fault.map(|fault| format!("{}: {include}: {fault}", page.display())));
    }
    Ok(faults)
}

fn missing_anchor(source: &str, anchor: &str) -> Option<String> {
    let marks = |mark: &str| {
        let after =
            |line: &str| line.split_once(mark).is_some_and(|(_, name)| name.split_whitespace().next() == Some(anchor));
        source.lines().any(after)
    };
    (!marks("ANCHOR:") || !marks("ANCHOR_END:")).then(|| format!("there is no anchor {anchor}"))
}

/// What `{{#include …}}` and its kin name, unless it is escaped.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("{{#").filter(|(at, _)| !text[..*at].ends_with('\\'));
    starts.filter_map(|(at, _)| {
        let (inside, _) = text[at + 3..].split_once("}}")?;
        let (kind, rest) = inside.split_once(char::is_whitespace)?;
        matches!(kind, "include" | "rustdoc_include").then_some(rest.split_whitespace().next()?)
    })
}

/// All pages below `directory`, sorted.
fn markdown_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))? {
            let path = entry.with_context(|| format!("read {}", directory.display()))?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_unless_escaped() {
        let text = "{{#include a.rs:x}} \\{{#include b.rs}} {{ #c }} {{#rustdoc_include ../c.rs}} {{#title T}}";
        assert_eq!(includes(text).collect::<Vec<_>>(), ["a.rs:x", "../c.rs"]);
    }

    #[test]
    fn an_anchor_has_two_ends() {
        assert_eq!(missing_anchor("// ANCHOR: a\n// ANCHOR_END: a\n", "a"), None);
        assert!(missing_anchor("// ANCHOR: ab\n// ANCHOR_END: ab\n", "a").is_some());
        assert!(missing_anchor("// ANCHOR: a\n", "a").is_some());
    }
}
