//! One page: its directives, and what stands in their place.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::book::listing::Sources;
use crate::book::{session, shape, turn};
use crate::hole;
use crate::workspace::Role;

/// A page in parts, so that the code of all pages can be brought to its width at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// Rust, in the middle of a fence.
    Code {
        code: String,
        /// Of the line with the directive.
        indent: String,
    },
}

/// Something between `{{#` and `}}` that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive<'a> {
    /// `{{#include ../../../chapters/….rs:anchor}}`; the file as the page names it.
    Include { file: &'a str, anchor: Option<&'a str> },
    /// `{{#your-turn ch02-namespaces/enter-uts enter_uts}}`.
    YourTurn { id: &'a str, anchor: Option<&'a str> },
}

/// A page's text, in order: what is no directive, and the directives with the indentation of their lines.
pub(crate) fn parts(page: &str) -> Vec<(&str, Option<(Directive<'_>, &str)>)> {
    let mut parts = Vec::new();
    let (mut rest, mut searched) = (page, 0);
    while let Some(found) = rest[searched..].find("{{#") {
        let at = searched + found;
        let Some(length) = rest[at..].find("}}") else { break };
        let end = at + length + 2;
        match directive(&rest[at + 3..end - 2]) {
            Some(directive) if !rest[..at].ends_with('\\') => {
                let line = rest[..at].rsplit('\n').next().unwrap_or_default();
                let indent = if line.trim().is_empty() { line } else { "" };
                parts.push((&rest[..at - indent.len()], Some((directive, indent))));
                (rest, searched) = (&rest[end..], 0);
            }
            _ => searched = at + 3,
        }
    }
    parts.push((rest, None));
    parts
}

fn directive(inside: &str) -> Option<Directive<'_>> {
    let mut words = inside.split_whitespace();
    match (words.next()?, words.next()?) {
        ("include", name) => {
            let (file, anchor) = name.split_once(':').map_or((name, None), |(file, anchor)| (file, Some(anchor)));
            let is_range = anchor.is_some_and(|anchor| anchor.starts_with(|c: char| c.is_ascii_digit() || c == ':'));
            // Other files and line numbers are mdBook's.
            let ours = Path::new(file).extension().is_some_and(|kind| kind == "rs") && !is_range;
            ours.then_some(Directive::Include { file, anchor })
        }
        ("your-turn", id) => Some(Directive::YourTurn { id, anchor: words.next() }),
        _ => None,
    }
}

/// The page `name`, which is named from the workspace's directory, with all that is ours in place.
pub(crate) fn expand(sources: &Sources<'_>, name: &Path, page: &str) -> Result<Vec<Piece>> {
    let page = unbroken_ids(sources, &session::readable(page));
    let mut pieces = Vec::new();
    for (text, directive) in parts(&page) {
        pieces.push(Piece::Text(text.to_owned()));
        let fault = |what: String| format!("{}: {what}", name.display());
        match directive {
            None => {}
            Some((Directive::Include { file, anchor }, indent)) => {
                let shown = || fault(format!("include {file}"));
                let path = beside(name, file);
                let code = sources.listing(&path, anchor).with_context(shown)?;
                let code = code.unwrap_or_else(|| missing(sources, &path, anchor));
                pieces.push(Piece::Code { code, indent: indent.to_owned() });
            }
            Some((Directive::YourTurn { id, anchor }, _)) => {
                let shown = || fault(format!("your-turn {id}"));
                match (sources.catalogue.find(id), sources.workspace.role()) {
                    (Ok(exercise), _) => pieces.extend(turn::pieces(sources, exercise, anchor).with_context(shown)?),
                    // Whatever a learner has lost, the rest can be read.
                    (Err(_), Role::Learner) => pieces.push(Piece::Text(turn::lost(id))),
                    (Err(error), Role::Origin) => return Err(error).with_context(shown),
                }
            }
        }
    }
    Ok(pieces)
}

/// The names of exercises in the text, marked, so that no line breaks inside of one.
fn unbroken_ids(sources: &Sources<'_>, page: &str) -> String {
    let mut fenced = false;
    let mut text = String::with_capacity(page.len());
    for line in page.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        let mut line = line.to_owned();
        if !fenced && !is_fence && line.contains('`') {
            for exercise in sources.catalogue {
                line =
                    line.replace(&format!("`{}`", exercise.id), &format!("<code class=\"id\">{}</code>", exercise.id));
            }
        }
        text.push_str(&line);
    }
    text
}

/// What is shown where an anchor is gone: a learner may have lost it, and the rest of the book is good all the same.
fn missing(sources: &Sources<'_>, file: &Path, anchor: Option<&str>) -> String {
    let anchor = anchor.unwrap_or_default();
    anstream::eprintln!("{} has no anchor {anchor}", sources.workspace.root().join(file).display());
    format!("// {} has no part that is marked {anchor}.\n", file.display())
}

/// The pages put together, each code at its width.
pub(crate) fn join(sources: &Sources<'_>, pages: Vec<Vec<Piece>>) -> Vec<String> {
    let codes = pages.iter().flatten().filter_map(|piece| match piece {
        Piece::Code { code, .. } => Some(code.as_str()),
        Piece::Text(_) => None,
    });
    let workspace = sources.workspace;
    let mut shaped = shape::all(workspace.root(), &workspace.scratch(), &codes.collect::<Vec<_>>()).into_iter();
    let mut text_of = |piece| match piece {
        Piece::Text(text) => text,
        // The line break is the page's.
        Piece::Code { indent, .. } => hole::indent(&shaped.next().unwrap_or_default(), &indent).trim_end().to_owned(),
    };
    pages.into_iter().map(|pieces| pieces.into_iter().map(&mut text_of).collect::<Vec<_>>().concat()).collect()
}

/// The path of `file`, which the page `name` names from where it stands.
pub(crate) fn beside(name: &Path, file: &str) -> PathBuf {
    let mut path = name.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_unless_escaped() {
        let page = "a {{#include x.rs:y}} \\{{#include z.rs}}\n  {{#your-turn ch01-a/b c}}\n{{#include x.svg}} {{#include x.rs:1:2}} {{#include";
        let directives: Vec<_> = parts(page).into_iter().filter_map(|(_, directive)| directive).collect();
        let include = Directive::Include { file: "x.rs", anchor: Some("y") };
        let turn = Directive::YourTurn { id: "ch01-a/b", anchor: Some("c") };
        assert_eq!(directives, [(include, ""), (turn, "  ")]);
        let texts: Vec<_> = parts(page).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts[..2], ["a ", " \\{{#include z.rs}}\n"]);
    }

    #[test]
    fn files_are_named_from_the_page() {
        let path = beside(Path::new("book/src/ch01-a/index.md"), "../../../chapters/ch01-a/src/lib.rs");
        assert_eq!(path, Path::new("chapters/ch01-a/src/lib.rs"));
    }
}
