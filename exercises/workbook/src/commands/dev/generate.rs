//! `cargo wb dev generate`: the parts of the book that are made from other files. They are committed, so that whoever
//! changes a stage sees what the book will say; `dev check` says when one is old.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use similar::TextDiff;

use crate::book::listing;
use crate::catalogue::{directories, is_chapter};
use crate::terminal::say;
use crate::tree;
use crate::workspace::{Workspace, read};

/// Where they are, relative to the workspace.
const DIRECTORY: &str = "book/src/generated";

pub(crate) fn run() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let wanted = pieces(&workspace)?;
    for (name, text) in &wanted {
        if tree::write_if_changed(&workspace.root().join(name), text.as_bytes())? {
            say(&format!("wrote {}\n", name.display()));
        }
    }
    for name in strays(&workspace, &wanted) {
        fs::remove_file(workspace.root().join(&name)).with_context(|| format!("remove {}", name.display()))?;
        say(&format!("removed {}\n", name.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What differs from what would be written now.
pub(crate) fn stale(workspace: &Workspace) -> Result<Vec<String>> {
    let wanted = pieces(workspace)?;
    let old = wanted.iter().filter(|(name, text)| workspace.source(name).ok().as_ref() != Some(text));
    let old = old.map(|(name, _)| format!("{} is old: cargo wb dev generate", name.display()));
    let strays = strays(workspace, &wanted);
    let strays = strays.iter().map(|name| format!("{} has no source: cargo wb dev generate", name.display()));
    Ok(old.chain(strays).collect())
}

fn pieces(workspace: &Workspace) -> Result<BTreeMap<PathBuf, String>> {
    let mut pieces = stages(workspace)?;
    pieces.extend(attacks(workspace)?);
    Ok(pieces)
}

/// What the test of all attacks saw: its snapshot, without the header.
fn attacks(workspace: &Workspace) -> Result<Option<(PathBuf, String)>> {
    const SNAPSHOT: &str = "mini-docker/tests/snapshots/attacks__every_attack_ends_with_its_chapter.snap";
    let path = workspace.root().join(SNAPSHOT);
    if !path.is_file() {
        return Ok(None);
    }
    let text = read(&path)?;
    let body = text.splitn(3, "---\n").nth(2).with_context(|| format!("{SNAPSHOT} has no header"))?;
    Ok(Some((Path::new(DIRECTORY).join("attacks.md"), body.to_owned())))
}

/// What each chapter's stage adds to the one before it: `stage-ch02.diff`.
fn stages(workspace: &Workspace) -> Result<BTreeMap<PathBuf, String>> {
    let mut stages = Vec::new();
    for chapter in directories(&workspace.root().join("chapters"))?.iter().filter(|path| is_chapter(path)) {
        let stage = chapter.join("examples/stage.rs");
        if stage.is_file() {
            let name = stage.strip_prefix(workspace.root()).unwrap_or(&stage).display().to_string();
            let chapter = chapter.file_name().unwrap_or_default().to_string_lossy().into_owned();
            stages.push((chapter, name, listing::without_markers(&read(&stage)?)));
        }
    }
    let pairs = stages.iter().zip(stages.iter().skip(1));
    Ok(pairs
        .map(|((_, old_name, old), (chapter, new_name, new))| {
            let number = chapter.split('-').next().unwrap_or_default();
            let diff = TextDiff::from_lines(old, new).unified_diff().header(old_name, new_name).to_string();
            (Path::new(DIRECTORY).join(format!("stage-{number}.diff")), diff)
        })
        .collect())
}

/// Files that nothing makes any more.
fn strays(workspace: &Workspace, wanted: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace.root().join(DIRECTORY)).into_iter().flatten().flatten();
    let names = entries.map(|entry| Path::new(DIRECTORY).join(entry.file_name()));
    let mut strays: Vec<PathBuf> = names.filter(|name| !wanted.contains_key(name)).collect();
    strays.sort();
    strays
}
