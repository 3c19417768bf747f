//! The book's pages, in the order of its summary, and where they ask an exercise.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::book::page::{Directive, parts};
use crate::catalogue::is_chapter;
use crate::workspace::Workspace;

/// Where the pages are, relative to the workspace.
pub(crate) const SOURCE: &str = "book/src";

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// `book/src/ch02-namespaces/index.md`.
    pub(crate) name: PathBuf,
    pub(crate) text: String,
}

/// All pages that the summary lists: `- [Processes](ch01-process/index.md)`.
#[derive(Debug, Default)]
pub(crate) struct Contents(pub(crate) Vec<Page>);

impl Page {
    /// `ch02-namespaces`, if the page is a chapter's.
    pub(crate) fn chapter(&self) -> Option<&str> {
        self.name.parent().filter(|folder| is_chapter(folder))?.file_name()?.to_str()
    }

    /// The exercises that the page asks, in order, with the anchors that it shows of them.
    pub(crate) fn asks(&self) -> Vec<(&str, Option<&str>)> {
        let directives = parts(&self.text).into_iter().filter_map(|(_, directive)| directive);
        let turns = directives.filter_map(|(directive, _)| match directive {
            Directive::YourTurn { id, anchor } => Some((id, anchor)),
            Directive::Include { .. } => None,
        });
        turns.collect()
    }
}

impl Contents {
    pub(crate) fn load(workspace: &Workspace) -> Self {
        let summary = workspace.source(&Path::new(SOURCE).join("SUMMARY.md")).unwrap_or_default();
        let names = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let names = names.map(|name| Path::new(SOURCE).join(name.trim_start_matches("./")));
        let page = |name: PathBuf| Some(Page { text: workspace.source(&name).ok()?, name });
        Self(names.filter_map(page).collect())
    }

    /// The pages of a chapter.
    pub(crate) fn of(&self, chapter: &str) -> Vec<&Page> {
        self.0.iter().filter(|page| page.chapter() == Some(chapter)).collect()
    }

    /// The chapters that have a page.
    pub(crate) fn chapters(&self) -> BTreeSet<&str> {
        self.0.iter().filter_map(Page::chapter).collect()
    }

    /// Where the book asks an exercise: the number of the page and the place on it. If no page asks it, the place where its
    /// chapter names it, or else the end of its chapter.
    pub(crate) fn place(&self, id: &str) -> (usize, usize) {
        let asked = |(number, page): (usize, &Page)| {
            let index = page.asks().iter().position(|(asked, _)| *asked == id)?;
            Some((number, index))
        };
        if let Some(place) = self.0.iter().enumerate().find_map(asked) {
            return place;
        }
        let chapter = id.split('/').next().unwrap_or(id);
        let own = || self.0.iter().enumerate().filter(|(_, page)| page.chapter() == Some(chapter));
        let named = own().find_map(|(number, page)| Some((number, find_word(&page.text, id)?)));
        named.or_else(|| own().next_back().map(|(number, _)| (number, usize::MAX))).unwrap_or((usize::MAX, usize::MAX))
    }

    /// The chapter on whose page an exercise is asked, which need not be the one whose code it is.
    pub(crate) fn asked_in(&self, id: &str) -> Option<String> {
        let page = self.0.iter().find(|page| page.asks().iter().any(|(asked, _)| *asked == id))?;
        page.chapter().map(str::to_owned)
    }
}

/// Where an id stands that is not the beginning of a longer one.
fn find_word(text: &str, id: &str) -> Option<usize> {
    let ends = |at: &usize| !text[at + id.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '-');
    text.match_indices(id).map(|(at, _)| at).find(ends)
}
