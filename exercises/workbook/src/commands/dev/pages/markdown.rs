//! What a page's text must not have, whatever it is about; and its headings and fences.

use crate::book::session::is_console;

/// The longest line of a session that a reader types, with its prompt.
const TYPED: usize = 76;

/// Faults of one page.
pub(super) fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let summary = line.split_once("<summary>").map(|(_, rest)| rest.split("</summary>").next().unwrap_or(rest));
        if summary.is_some_and(|summary| summary.contains('`')) {
            faults.push(format!("line {}: back-ticks in a <summary> are shown as they are; write <code>", number + 1));
        }
        if line.contains("ANCHOR:") || line.contains("ANCHOR_END:") {
            faults.push(format!("line {}: readers would see an ANCHOR", number + 1));
        }
    }
    for fence in fences(text) {
        let typed = |line: &&&str| line.starts_with("$ ") || line.starts_with("> ");
        if is_console(fence.opening) {
            let long = fence.lines.iter().filter(typed).filter(|line| line.chars().count() > TYPED);
            faults.extend(long.map(|line| format!("a line to be typed is longer than {TYPED} columns: {line}")));
            let old = fence.lines.iter().filter(|line| line.starts_with("$ stage-ch"));
            faults.extend(old.map(|line| format!("readers have no such command (cargo wb stage): {line}")));
        }
    }
    faults
}

/// A block of code.
#[derive(Debug)]
pub(super) struct Fence<'a> {
    /// With its back-ticks: ```` ```rust,ignore ````.
    pub(super) opening: &'a str,
    pub(super) lines: Vec<&'a str>,
}

/// All blocks of code.
pub(super) fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut fences: Vec<Fence<'_>> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("```") {
            if !inside {
                fences.push(Fence { opening: line, lines: Vec::new() });
            }
            inside = !inside;
        } else if inside && let Some(fence) = fences.last_mut() {
            fence.lines.push(line);
        }
    }
    fences
}

/// Levels and texts of the headings, without those in code.
pub(super) fn headings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        fenced ^= line.trim_start().starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        let heading = line.get(level..)?.strip_prefix(' ')?;
        (level > 0 && !fenced).then(|| (level, heading.trim()))
    })
}

/// The sections of the second level, with what stands in them.
pub(super) fn sections(text: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        match line.strip_prefix("## ") {
            Some(heading) if !fenced => sections.push((heading.trim(), String::new())),
            _ => {
                if let Some((_, body)) = sections.last_mut() {
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_would_stumble_over_is_found() {
        let long = "x".repeat(80);
        let page = format!(
            "<details><summary>`a`</summary>\n<summary><code>a</code></summary> `b`\n// ANCHOR: a\n\
             ```console\n$ {long}\n{long}\n$ stage-ch02 a\n```\n```sh\n$ {long}\n```\n"
        );
        insta::assert_snapshot!(faults(&page).join("\n"), @r"
        line 1: back-ticks in a <summary> are shown as they are; write <code>
        line 3: readers would see an ANCHOR
        a line to be typed is longer than 76 columns: $ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        readers have no such command (cargo wb stage): $ stage-ch02 a
        ");
    }

    #[test]
    fn code_has_no_headings() {
        let text = "# A\n```\n# B\n## C\n```\n## D\nd\n### E\n## F\n";
        assert_eq!(headings(text).collect::<Vec<_>>(), [(1, "A"), (2, "D"), (3, "E"), (2, "F")]);
        assert_eq!(sections(text), [("D", "d\n### E\n".to_owned()), ("F", String::new())]);
    }
}
