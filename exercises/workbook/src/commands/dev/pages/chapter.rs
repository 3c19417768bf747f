//! The shape of a chapter over its pages: title, box, rounds, and the sections at its end.

use std::path::Path;

use anyhow::Result;

use super::markdown::{self, headings, sections};
use super::{listings, questions, recap};
use crate::book::contents::{Contents, Page};
use crate::book::listing::Sources;
use crate::exercise::Exercise;

/// How the last page of a chapter ends.
const ENDING: [&str; 5] = ["The attack again", "Milestone", "Recap", "Further", "Next"];

/// The figures that a chapter has at least.
const FIGURES: usize = 3;

/// The faults of a chapter; `exercises` are those that it asks, or whose code is its.
pub(super) fn faults(
    sources: &Sources<'_>,
    contents: &Contents,
    chapter: &str,
    exercises: &[&Exercise],
) -> Result<Vec<String>> {
    let pages = contents.of(chapter);
    let mut faults = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let mut of_page = title_faults(chapter, number, &page.text);
        if number == 0 {
            of_page.extend(box_fault(&page.text));
        }
        of_page.extend(markdown::faults(&page.text));
        of_page.extend(listings::faults(sources, page)?);
        faults.extend(of_page.into_iter().map(|fault| format!("{}: {fault}", page.name.display())));
    }
    if let Some(last) = pages.last() {
        let mut of_last = ending_faults(&last.text);
        of_last.extend(milestone_fault(sources, chapter, &last.text));
        of_last.extend(recap::faults(sources.workspace, chapter, &last.text));
        faults.extend(of_last.into_iter().map(|fault| format!("{}: {fault}", last.name.display())));
    }
    faults.extend(questions::faults(&pages));
    faults.extend(figure_faults(sources, chapter, &pages));
    for exercise in exercises {
        faults.extend(exercise_faults(contents, exercise));
    }
    Ok(faults)
}

fn title_faults(chapter: &str, number: usize, text: &str) -> Vec<String> {
    let digits: String = chapter.chars().skip(2).take_while(char::is_ascii_digit).collect();
    let wanted = if number == 0 { format!("{}. ", digits.parse::<u32>().unwrap_or_default()) } else { String::new() };
    let titles: Vec<&str> = headings(text).filter(|(level, _)| *level == 1).map(|(_, heading)| heading).collect();
    let first = headings(text).next().map(|(level, _)| level);
    match *titles {
        [title] if first == Some(1) && title.starts_with(&wanted) => Vec::new(),
        _ => vec![format!("it has one title, its first heading, which is `# {wanted}…`")],
    }
}

/// What the reader pays and gets, right below the title.
fn box_fault(text: &str) -> Option<String> {
    let below = text.lines().skip_while(|line| !line.starts_with("# ")).skip(1);
    let mut lines = below.map(str::trim).filter(|line| !line.is_empty());
    let good = lines.next() == Some("> [!NOTE]")
        && lines.next().is_some_and(|line| line.starts_with("> **Time:** "))
        && lines.take_while(|line| line.starts_with('>')).any(|line| line.starts_with("> **At the end you have** "));
    (!good).then(|| "below the title stands no box `> [!NOTE]` with **Time:** and **At the end you have**".into())
}

fn ending_faults(text: &str) -> Vec<String> {
    let found: Vec<&str> = headings(text).filter(|(level, _)| *level == 2).map(|(_, heading)| heading).collect();
    let mut faults: Vec<String> = ENDING
        .iter()
        .filter(|wanted| !found.contains(wanted))
        .map(|wanted| format!("`## {wanted}` is missing"))
        .collect();
    if faults.is_empty() && !found.ends_with(&ENDING) {
        faults.push(format!("it does not end with these sections, in this order: {}", ENDING.join(", ")));
    }
    faults
}

/// The number of a chapter that has a stage: `ch02`.
fn with_stage<'a>(sources: &Sources<'_>, chapter: &'a str) -> Option<&'a str> {
    let stage = sources.workspace.root().join("chapters").join(chapter).join("examples/stage.rs");
    stage.is_file().then(|| chapter.split('-').next().unwrap_or(chapter))
}

/// The reader's own container, further than in the chapter before.
fn milestone_fault(sources: &Sources<'_>, chapter: &str, text: &str) -> Option<String> {
    let number = with_stage(sources, chapter)?;
    let typed = format!("$ cargo wb stage {number}");
    let shown = sections(text).iter().any(|(heading, body)| *heading == "Milestone" && body.contains(&typed));
    (!shown).then(|| format!("`## Milestone` has no session with `cargo wb stage {number}`"))
}

/// Enough figures, and among them the one that returns, with the chapter's part lit.
fn figure_faults(sources: &Sources<'_>, chapter: &str, pages: &[&Page]) -> Vec<String> {
    let mut faults = Vec::new();
    let count = pages.iter().map(|page| page.text.matches("<figure").count()).sum::<usize>();
    if count < FIGURES {
        faults.push(format!("{count} figures, and a chapter has {FIGURES} at least"));
    }
    if let Some(number) = with_stage(sources, chapter) {
        let lit = format!("<figure class=\"gate-to-exec lit-{number}\">");
        if !pages.iter().any(|page| page.text.contains(&lit)) {
            faults.push(format!("no page has the figure that returns, {lit}"));
        }
    }
    faults
}

/// The exercise is asked once, and after those that it builds on.
fn exercise_faults(contents: &Contents, exercise: &Exercise) -> Vec<String> {
    let id = exercise.id.as_str();
    let count = contents.0.iter().flat_map(Page::asks).filter(|(asked, _)| *asked == id).count();
    if count != 1 {
        return vec![format!("{id}: {count} pages ask it by `{{{{#your-turn {id}}}}}`, and one should")];
    }
    let too_late = exercise.after.iter().filter(|other| contents.place(other) > contents.place(id));
    too_late.map(|other| format!("{id} is asked before {other}, on which it builds")).collect()
}

/// A page of the chapter's folder that nobody is led to.
pub(super) fn unlisted(contents: &Contents, page: &Path) -> bool {
    contents.0.iter().all(|listed| listed.name != page)
}
