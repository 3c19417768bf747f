//! A page of a hundred columns: headings, columns, words that go on in the next line, remarks. Whatever goes on it is escaped.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

use crate::visible::visible;

const WIDTH: usize = 100;
/// What is about the lines of a section begins here.
const INDENT: usize = 2;

const HEADING: Style = Style::new().bold();
const REMARK: Style = Style::new().dimmed();
const EQUAL: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// How a cell looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// As it is.
    Plain,
    /// Explains.
    Remark,
    /// Surprises, by being the same.
    Equal,
    /// Is not as docker would have it.
    Bad,
}

impl Look {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Remark => REMARK,
            Self::Equal => EQUAL,
            Self::Bad => BAD,
        }
    }
}

/// One cell: what stands in it, and how.
#[derive(Debug, Clone)]
pub(super) struct Cell(Look, String);

pub(super) fn plain(text: impl Display) -> Cell {
    Cell(Look::Plain, visible(&text.to_string()))
}

pub(super) fn remark(text: impl Display) -> Cell {
    Cell(Look::Remark, visible(&text.to_string()))
}

pub(super) fn look(look: Look, text: impl Display) -> Cell {
    Cell(look, visible(&text.to_string()))
}

/// The page so far.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a section.
    pub(super) fn heading(&mut self, title: &str, about: &str) {
        let about = if about.is_empty() { String::new() } else { format!("  {REMARK}{}{REMARK:#}", visible(about)) };
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.add(format_args!("{gap}{HEADING}{}{HEADING:#}{about}\n", visible(title)));
    }

    /// Rows whose cells stand below each other; the last of each is cut where the page ends.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| rows.iter().filter_map(|row| Some(row.get(at)?.1.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let mut used = INDENT;
            self.0 += &" ".repeat(INDENT);
            for (at, Cell(look, text)) in row.iter().enumerate() {
                let is_last = at + 1 == row.len();
                let text = cut(text, WIDTH.saturating_sub(used));
                let style = look.style();
                let fill = if is_last { 0 } else { widths[at] + 2 - text.chars().count().min(widths[at]) };
                if !text.is_empty() {
                    self.add(format_args!("{style}{text}{style:#}"));
                }
                self.0 += &" ".repeat(fill);
                used += widths[at] + 2;
            }
            self.0.truncate(self.0.trim_end_matches(' ').len());
            self.0.push('\n');
        }
    }

    /// A label, and words behind it that go on below each other.
    pub(super) fn words(&mut self, label: &str, words: &[String], separator: &str) {
        let start = INDENT + label.chars().count() + 2;
        let mut line = format!("{}{label}  ", " ".repeat(INDENT));
        let mut column = start;
        for (at, word) in words.iter().enumerate() {
            let word = cut(&visible(word), WIDTH - start);
            let word = if at + 1 < words.len() { word + separator } else { word };
            let length = word.chars().count();
            if column > start && column + length > WIDTH {
                line.truncate(line.trim_end_matches(' ').len());
                self.add(format_args!("{line}\n"));
                line = " ".repeat(start);
                column = start;
            }
            line += &word;
            line.push(' ');
            column += length + 1;
        }
        self.add(format_args!("{}\n", line.trim_end_matches(' ')));
    }

    /// A sentence below a section.
    pub(super) fn remark(&mut self, text: &str) {
        self.line(Look::Remark, text);
    }

    /// One line.
    pub(super) fn line(&mut self, look: Look, text: &str) {
        let style = look.style();
        self.add(format_args!("{}{style}{}{style:#}\n", " ".repeat(INDENT), cut(&visible(text), WIDTH - INDENT)));
    }

    fn add(&mut self, text: fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        let _ = self.0.write_fmt(text);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn cut(text: &str, most: usize) -> String {
    crate::format::ellipsis(text, most)
}

/// Long ids are for programs. The star makes it a pattern that a shell completes.
pub(super) fn short(path: &str) -> String {
    let is_id = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    path.split('/')
        .map(|part| if is_id(part) { format!("{}*", &part[..12]) } else { part.into() })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: Page) -> String {
        anstream::adapter::strip_str(&page.finish()).to_string()
    }

    #[test]
    fn columns_stand_below_each_other_and_end_with_the_page() {
        let mut page = Page::default();
        page.heading("A", "b");
        page.table(&[vec![plain("x"), remark("y")], vec![plain("long"), look(Look::Equal, "z".repeat(200))]]);
        let lines: Vec<String> = text(page).lines().map(str::to_owned).collect();
        assert_eq!(lines[..2], ["A  b", "  x     y"]);
        assert_eq!(lines[2].chars().count(), WIDTH);
        assert!(lines[2].starts_with("  long  zzz") && lines[2].ends_with('…'));
    }

    #[test]
    fn words_go_on_below_each_other() {
        let mut page = Page::default();
        page.words("caps", &vec!["CAP_SYS_ADMIN".to_owned(); 14], "");
        let text = text(page);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line.trim_start().len() > 20));
        assert!(text.lines().nth(1).expect("a line").starts_with("        CAP"));
    }

    #[test]
    fn what_a_container_has_chosen_is_escaped() {
        let mut page = Page::default();
        page.table(&[vec![plain("a\x1b[31m\nb")]]);
        page.words("l", &["\u{9b}2J".to_owned()], "");
        page.line(Look::Bad, "\x07");
        assert_eq!(text(page), "  a\\x1b[31m\\nb\n  l  \\u{9b}2J\n  \\x07\n");
    }

    #[test]
    fn ids_in_paths_become_patterns() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(short(&format!("/a/{id}/upper")), "/a/0123456789ab*/upper");
        assert_eq!(short("/plain/path"), "/plain/path");
    }
}
