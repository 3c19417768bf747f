//! The code that a page shows: a part of a source file, without the plumbing of errors, and with a reader's own code, or a
//! `todo!`, where an exercise is. Our answers stand in no listing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};

use crate::book::elide;
use crate::catalogue::Catalogue;
use crate::exercise::Exercise;
use crate::fill;
use crate::hole;
use crate::learner::untouched;
use crate::workspace::{Role, Workspace};

/// The source files, each prepared once.
pub(crate) struct Sources<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) catalogue: &'a Catalogue,
    prepared: RefCell<BTreeMap<PathBuf, Rc<str>>>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(workspace: &'a Workspace, catalogue: &'a Catalogue) -> Self {
        Self { workspace, catalogue, prepared: RefCell::default() }
    }

    /// What a page shows of `file`, which is named from the workspace's directory: the lines of an anchor, or all. Nothing,
    /// if the file has no such anchor.
    pub(crate) fn listing(&self, file: &Path, anchor: Option<&str>) -> Result<Option<String>> {
        let text = self.prepared(file)?;
        Ok(match anchor {
            Some(anchor) => anchored(&text, anchor),
            None => Some(without_markers(&text)),
        })
    }

    /// Our answer, for the fold below an exercise: complete. Nothing, if it was lost.
    pub(crate) fn answer(&self, exercise: &Exercise) -> Option<String> {
        let pristine = self.workspace.pristine(&exercise.file).ok()?;
        hole::contents(&pristine, &exercise.hole).ok().map(without_markers)
    }

    /// Where a learner finds the hole: `chapters/ch02-namespaces/src/uts.rs:62`.
    pub(crate) fn place(&self, exercise: &Exercise) -> Result<String> {
        let file = &exercise.file;
        let text = match self.workspace.role() {
            Role::Learner => self.workspace.source(file)?,
            // The holes above it are as long as a `todo!`, and not as our answers.
            Role::Origin => {
                fill::file(&self.workspace.source(file)?, file, self.catalogue, |_| Ok(fill::Fill::Starter))?
            }
        };
        Ok(match hole::find(&text, &exercise.hole) {
            Ok(region) => format!("{}:{}", file.display(), region.line),
            Err(_) => file.display().to_string(),
        })
    }

    fn prepared(&self, file: &Path) -> Result<Rc<str>> {
        if let Some(text) = self.prepared.borrow().get(file) {
            return Ok(text.clone());
        }
        let text: Rc<str> = self.prepare(file)?.into();
        self.prepared.borrow_mut().insert(file.to_owned(), text.clone());
        Ok(text)
    }

    fn prepare(&self, file: &Path) -> Result<String> {
        let text = self.workspace.source(file)?;
        let mut prepared = String::with_capacity(text.len());
        let mut at = 0;
        for (range, body) in self.holes(file, &text)? {
            prepared.push_str(&elide::plumbing(&text[at..range.start]));
            if !prepared.ends_with('\n') {
                prepared.push('\n');
            }
            prepared.push_str(&body);
            at = range.end;
        }
        Ok(prepared + &elide::plumbing(&text[at..]))
    }

    /// Where the holes of a file are, and what is shown there: what a reader wrote is shown as they wrote it.
    fn holes(&self, file: &Path, text: &str) -> Result<Vec<(Range<usize>, String)>> {
        let mut holes = Vec::new();
        for exercise in self.catalogue.iter().filter(|exercise| exercise.file == file) {
            let region = match (hole::find(text, &exercise.hole), self.workspace.role()) {
                (Ok(region), _) => region,
                // The markers are theirs to lose.
                (Err(_), Role::Learner) => continue,
                (Err(error), Role::Origin) => return Err(error).with_context(|| file.display().to_string()),
            };
            let written = self.workspace.role() == Role::Learner && !untouched(self.workspace, exercise);
            let body = if written { text[region.body()].to_owned() } else { hole::shown(&region, &exercise.id) };
            holes.push((region.body(), body));
        }
        holes.sort_by_key(|(range, _)| range.start);
        Ok(holes)
    }
}

/// The lines between two markers, as mdBook finds them.
fn anchored(text: &str, anchor: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.by_ref().find(|line| hole::begins(line, anchor))?;
    let inside: Vec<&str> = lines.take_while(|line| !hole::ends(line, anchor)).collect();
    Some(without_markers(&inside.join("\n")))
}

/// Without the lines that only say where a part begins and ends.
pub(crate) fn without_markers(text: &str) -> String {
    let lines = text.lines().filter(|line| !hole::is_marker(line));
    lines.fold(String::new(), |text, line| text + line + "\n")
}
