//! What is written down about the mutants of an exercise: which are equal to ours, by hand, with the reason, and that none
//! survived, by us, with the hash of what was judged. Both are committed: so a fresh clone repeats only what has changed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exercise::{Exercise, Tests};
use crate::mutate;
use crate::render;
use crate::tree;
use crate::workspace::{Workspace, read};

/// `equal.toml`: mutants that no test can tell from ours.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equal {
    #[serde(default)]
    equal: Vec<Excuse>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Excuse {
    mutant: String,
    why: String,
}

/// `mutants.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Verdict {
    hash: String,
    killed: usize,
    equal: usize,
}

const HEAD: &str = "# Written by `cargo wb dev mutants`, when no mutant of this exercise survived; the hash is that of hole and tests.\n";

#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    hash: String,
    written: Option<Verdict>,
    excuses: Vec<Excuse>,
    used: BTreeSet<String>,
    pub(super) killed: usize,
}

impl Ledger {
    pub(super) fn read(workspace: &Workspace, exercise: &Exercise) -> Result<Self> {
        let directory = workspace.root().join("exercises").join(&exercise.id);
        let path = directory.join("mutants.toml");
        let excuses = directory.join("equal.toml");
        let equal_text = if excuses.exists() { read(&excuses)? } else { String::new() };
        let equal: Equal = toml::from_str(&equal_text)
            .map_err(|error| anyhow!("{}: {}", excuses.display(), error.to_string().trim()))?;
        for Excuse { mutant, why } in &equal.equal {
            ensure!(!why.trim().is_empty(), "{}: {mutant:?}: why is it equal?", excuses.display());
        }
        let hash = hash(workspace, exercise, &equal_text)?;
        // One that cannot be read is as good as none.
        let written = fs::read_to_string(&path).ok().and_then(|text| toml::from_str(&text).ok());
        Ok(Self { path, hash, written, excuses: equal.equal, used: BTreeSet::new(), killed: 0 })
    }

    /// Whether what is written down is about what is there now.
    pub(super) fn holds(&self) -> bool {
        self.written.as_ref().is_some_and(|written| written.hash == self.hash)
    }

    pub(super) fn begin(&mut self) {
        self.used.clear();
        self.killed = 0;
        self.written = None;
    }

    /// Whether this mutant is equal to ours, by what was written down.
    pub(super) fn excuse(&mut self, name: &str) -> bool {
        self.excuses.iter().any(|excuse| excuse.mutant == name) && self.used.insert(name.to_owned())
    }

    /// Excuses that nobody needs.
    pub(super) fn useless(&self) -> impl Iterator<Item = &str> {
        self.excuses.iter().map(|excuse| excuse.mutant.as_str()).filter(|name| !self.used.contains(*name))
    }

    pub(super) fn summary(&self) -> String {
        let now = Verdict { hash: String::new(), killed: self.killed, equal: self.used.len() };
        let Verdict { killed, equal, .. } = self.written.as_ref().unwrap_or(&now);
        format!("{} killed, {equal} equal", render::count(*killed, "mutant"))
    }

    pub(super) fn write(&mut self) -> Result<()> {
        let verdict = Verdict { hash: self.hash.clone(), killed: self.killed, equal: self.used.len() };
        let text = HEAD.to_owned() + &toml::to_string(&verdict).context("write the verdict")?;
        tree::write_if_changed(&self.path, text.as_bytes())?;
        self.written = Some(verdict);
        Ok(())
    }
}

/// Of all that a verdict depends on: the hole, the tests and what they share, and how mutants are made.
fn hash(workspace: &Workspace, exercise: &Exercise, equal: &str) -> Result<String> {
    let pristine = workspace.pristine(&exercise.file)?;
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    };
    add(&mutate::VERSION.to_string());
    add(crate::hole::contents(&pristine, &exercise.hole)?);
    add(equal);
    for tests in &exercise.tests {
        add(&format!("{tests:?}"));
        for file in sources(workspace, exercise, tests)? {
            add(&read(&file)?);
        }
    }
    Ok(hasher.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The files of a test target: its own and its modules, or those of the unit tests.
fn sources(workspace: &Workspace, exercise: &Exercise, tests: &Tests) -> Result<Vec<PathBuf>> {
    let package = exercise.file.iter().take(2).collect::<PathBuf>();
    let package = workspace.root().join(package);
    let is_test = |path: &Path| match tests.target.as_str() {
        "lib" => {
            path.starts_with(package.join("src")) && path.iter().any(|part| part.to_string_lossy().starts_with("tests"))
        }
        target => {
            let below = package.join("tests");
            path == below.join(target).with_extension("rs")
                || path.starts_with(below.join("common"))
                || path.starts_with(below.join(target))
        }
    };
    let mut files: Vec<PathBuf> =
        tree::files(workspace.root())?.iter().map(|name| workspace.root().join(name)).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs") && is_test(path));
    if tests.target == "lib" {
        // Unit tests may stand in the same file as the hole.
        files.push(workspace.root().join(&exercise.file));
    }
    Ok(files)
}
