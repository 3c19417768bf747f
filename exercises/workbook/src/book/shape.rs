//! Brings listings to the width of a page: the sources are wider. rustfmt does it, once for all listings; what it cannot read
//! stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::book::WIDTH;
use crate::hole;

/// What a piece of Rust can stand in, so that it is a file: the lines before, and those after.
const FRAMES: [(&[&str], &[&str]); 6] = [
    (&[], &[]),
    (&["fn frame() {"], &["}"]),
    (&["impl Frame {"], &["}"]),
    (&["struct Frame {"], &["}"]),
    (&["enum Frame {"], &["}"]),
    (&["fn frame() {", "    match frame {"], &["    }", "}"]),
];

/// The listings, none wider than a page where that can be. Each begins at the left margin and ends with a line break.
pub(crate) fn all(root: &Path, scratch: &Path, listings: &[&str]) -> Vec<String> {
    let flat: Vec<String> = listings.iter().map(|code| hole::dedent(code)).collect();
    let directory = scratch.join(format!("listings-{}", std::process::id()));
    let shaped = rustfmt(root, &directory, &flat);
    let _ = fs::remove_dir_all(&directory);
    let shaped = shaped.unwrap_or_else(|| vec![None; flat.len()]);
    flat.into_iter().zip(shaped).map(|(flat, shaped)| comments(&shaped.unwrap_or(flat))).collect()
}

/// All of them by one process; nothing where rustfmt is missing, or for one that it cannot read.
fn rustfmt(root: &Path, directory: &Path, listings: &[String]) -> Option<Vec<Option<String>>> {
    let mut files: Vec<Option<(PathBuf, usize)>> = Vec::new();
    for (depth, (before, _)) in FRAMES.iter().enumerate() {
        let place = directory.join(depth.to_string());
        fs::create_dir_all(&place).ok()?;
        let width = WIDTH + 4 * before.len();
        fs::write(place.join("rustfmt.toml"), format!("max_width = {width}\nuse_small_heuristics = \"Max\"\n")).ok()?;
    }
    for (index, code) in listings.iter().enumerate() {
        let frame = frame(code);
        files.push(frame.map(|frame| (directory.join(format!("{frame}/{index}.rs")), frame)));
        if let (Some(frame), Some(Some((path, _)))) = (frame, files.last()) {
            fs::write(path, framed(code, frame)).ok()?;
        }
    }
    let paths = files.iter().flatten().map(|(path, _)| path);
    let mut command = Command::new("rustfmt");
    command.args(["--edition", "2024"]).args(paths).current_dir(root);
    // Where one cannot be read, the others are done all the same.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let read = |(path, frame): (PathBuf, usize)| bare(&fs::read_to_string(path).ok()?, frame);
    Some(files.into_iter().map(|file| file.and_then(read)).collect())
}

/// The first frame in which the code is a file.
fn frame(code: &str) -> Option<usize> {
    let fits = |frame: &usize| syn::parse_file(&framed(code, *frame)).is_ok();
    (0..FRAMES.len()).find(fits).filter(|_| !code.trim().is_empty())
}

fn framed(code: &str, frame: usize) -> String {
    let (before, after) = FRAMES[frame];
    format!("{}\n{code}{}\n", before.join("\n"), after.join("\n"))
}

/// The code without its frame.
fn bare(text: &str, frame: usize) -> Option<String> {
    let (before, after) = FRAMES[frame];
    let lines: Vec<&str> = text.lines().collect();
    let inside = lines.strip_prefix(before)?.strip_suffix(after)?;
    Some(hole::dedent(&inside.join("\n")))
}

/// Breaks comments that are too wide; rustfmt does not.
fn comments(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let mut text = String::with_capacity(code.len());
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let Some(mark) = mark(line) else {
            text.push_str(line);
            text.push('\n');
            at += 1;
            continue;
        };
        // The lines of one paragraph.
        let more = lines[at + 1..].iter().take_while(|next| self::mark(next) == Some(mark) && continues(next, mark));
        let end = at + 1 + more.count();
        let paragraph = &lines[at..end];
        if paragraph.iter().all(|line| line.chars().count() <= WIDTH) {
            text.push_str(&paragraph.join("\n"));
            text.push('\n');
        } else {
            let words = paragraph.iter().flat_map(|line| line[mark.len()..].split_whitespace());
            text.push_str(&filled(mark, words));
        }
        at = end;
    }
    text
}

/// Indentation and slashes of a line that is a comment.
fn mark(line: &str) -> Option<&str> {
    let indent = line.len() - line.trim_start().len();
    let sign = ["///", "//!", "//"].into_iter().find(|sign| line[indent..].starts_with(sign))?;
    Some(&line[..indent + sign.len()])
}

/// Whether a comment line goes on with the sentence above: it is no list, heading, table or code.
fn continues(line: &str, mark: &str) -> bool {
    let rest = line[mark.len()..].trim_start();
    rest.starts_with(|c: char| !matches!(c, '-' | '*' | '#' | '|' | '`' | '>') && !c.is_ascii_digit())
}

fn filled<'a>(mark: &str, words: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut line = mark.to_owned();
    for word in words {
        if line.len() > mark.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            mark.clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    text + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(code: &str) -> String {
        let room = tempfile::tempdir().unwrap();
        all(room.path(), room.path(), &[code]).remove(0)
    }

    #[test]
    fn wide_lines_are_broken_wherever_they_come_from() {
        let wide = "let sum = first_number_of_the_list + second_number_of_the_list + third_number_of_the_list + 4;";
        let arm =
            "Kind::TheFirstOfThemAll { name } => \"a text that is long enough to reach the margin\".to_owned() + name,";
        let pieces = [
            format!("fn f() {{\n    {wide}\n}}\n"),
            format!("        {wide}\n        done(sum)\n"),
            format!("    pub fn f(&self) {{\n        {wide}\n    }}\n"),
            format!("    {arm}\n    Kind::Other => 1,\n"),
        ];
        let shaped: Vec<String> = pieces.iter().map(|code| shaped(code)).collect();
        assert!(shaped.iter().all(|code| code.lines().all(|line| line.chars().count() <= WIDTH)));
        insta::assert_snapshot!(shaped.join("\n"));
    }

    #[test]
    fn what_is_no_rust_stays_as_it_is() {
        assert_eq!(shaped("    fn f( {\n        x\n"), "fn f( {\n    x\n");
        assert_eq!(shaped(""), "");
    }

    #[test]
    fn wide_comments_are_filled_by_paragraphs() {
        let long = "word ".repeat(20);
        let code = format!("// {long}\n// end.\n//\n// - {long}\n// - short\nfn f() {{}}\n");
        insta::assert_snapshot!(shaped(&code));
    }
}
