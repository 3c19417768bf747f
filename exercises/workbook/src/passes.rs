//! What stood in a hole when it passed, as a hash: a pass is worth nothing once something else stands there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::exercise::Exercise;
use crate::hole;
use crate::tree;
use crate::workspace::{STATE, Workspace};

/// `.workbook/passed`: one line per exercise, id and hash.
#[derive(Debug)]
pub(crate) struct Passes {
    path: PathBuf,
    hashes: BTreeMap<String, String>,
}

impl Passes {
    /// A file that is not there says nothing.
    pub(crate) fn load(workspace: &Workspace) -> Self {
        let path = workspace.root().join(STATE).join("passed");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Self { path, hashes: pairs.map(|(id, hash)| (id.to_owned(), hash.to_owned())).collect() }
    }

    /// Whether in the hole stands what passed.
    pub(crate) fn holds(&self, workspace: &Workspace, exercise: &Exercise) -> bool {
        self.hashes.get(&exercise.id).is_some_and(|hash| hash_of(workspace, exercise).as_ref() == Some(hash))
    }

    /// Whether something else stands in it than what passed.
    pub(crate) fn is_stale(&self, workspace: &Workspace, exercise: &Exercise) -> bool {
        self.hashes.contains_key(&exercise.id) && !self.holds(workspace, exercise)
    }

    /// Notes that what stands in the hole passes, and saves.
    pub(crate) fn note(&mut self, workspace: &Workspace, exercise: &Exercise) -> Result<()> {
        let Some(hash) = hash_of(workspace, exercise) else { return Ok(()) };
        self.hashes.insert(exercise.id.clone(), hash);
        let text = self.hashes.iter().fold(String::new(), |text, (id, hash)| text + id + " " + hash + "\n");
        tree::write_if_changed(&self.path, text.as_bytes()).map(drop)
    }
}

fn hash_of(workspace: &Workspace, exercise: &Exercise) -> Option<String> {
    let text = workspace.source(&exercise.file).ok()?;
    let body = hole::contents(&text, &exercise.hole).ok()?;
    Some(Sha256::digest(body).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
