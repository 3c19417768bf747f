//! Holes: the regions between two ANCHOR lines that a learner fills. Text in, text out; knows nothing of files.

use std::ops::Range;

use anyhow::{Result, bail};

/// One region of a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// The bytes between the two marker lines.
    body: Range<usize>,
    /// What stands before the opening marker: the indentation of the code around it.
    pub(crate) indent: String,
    /// The line of the opening marker, counted from 1.
    pub(crate) line: usize,
    /// Whether the block ends with the region, so that its last expression is the block's value.
    ends_block: bool,
}

/// What may stand in a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What is special about it.
    pub(crate) name: String,
    pub(crate) statements: String,
}

impl Region {
    /// The bytes between the two marker lines.
    pub(crate) fn body(&self) -> Range<usize> {
        self.body.clone()
    }
}

/// Finds the region called `name`.
///
/// # Errors
/// A marker is missing, is there twice, or the end comes before the beginning.
pub(crate) fn find(text: &str, name: &str) -> Result<Region> {
    let (mut start, mut end) = (None, None);
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let after = offset + line.len();
        match marker(line) {
            Some((Side::Start, found)) if found == name => {
                if start.is_some() {
                    bail!("`// ANCHOR: {name}` is there twice, the second time on line {}", index + 1);
                }
                let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
                start = Some((after, indent, index + 1));
            }
            Some((Side::End, found)) if found == name => {
                if end.is_some() {
                    bail!("`// ANCHOR_END: {name}` is there twice, the second time on line {}", index + 1);
                }
                end = Some((offset, after));
            }
            _ => {}
        }
        offset = after;
    }
    let Some((start, indent, line)) = start else { bail!("`// ANCHOR: {name}` is missing") };
    let Some((end, after)) = end else { bail!("`// ANCHOR_END: {name}` is missing") };
    if end < start {
        bail!("`// ANCHOR_END: {name}` comes before `// ANCHOR: {name}`");
    }
    let ends_block = text[after..].trim_start().starts_with('}');
    Ok(Region { body: start..end, indent, line, ends_block })
}

/// What stands in the region called `name`.
pub(crate) fn contents<'a>(text: &'a str, name: &str) -> Result<&'a str> {
    Ok(&text[find(text, name)?.body])
}

/// `text` with `body` in the region called `name`; the rest is untouched.
pub(crate) fn replace(text: &str, name: &str, body: &str) -> Result<String> {
    let region = find(text, name)?;
    let newline = if body.is_empty() || body.ends_with('\n') { "" } else { "\n" };
    Ok([&text[..region.body.start], body, newline, &text[region.body.end..]].concat())
}

/// What a learner finds in a hole: where the help is, and a `todo!` that says what to do.
pub(crate) fn starter(region: &Region, id: &str, title: &str, prompt: &str) -> String {
    let indent = &region.indent;
    let semicolon = if region.ends_block { "" } else { ";" };
    format!("{indent}// Exercise {id}: {title}. Stuck? cargo wb hint {id}\n{indent}{}{semicolon}\n", open(id, prompt))
}

/// What stands in a hole where the book shows it.
pub(crate) fn shown(region: &Region, id: &str) -> String {
    let indent = &region.indent;
    let semicolon = if region.ends_block { "" } else { ";" };
    format!("{indent}{}\n{indent}todo!(){semicolon}\n", turn(id))
}

/// The comment that says in a listing whose turn it is.
pub(crate) fn turn(id: &str) -> String {
    format!("// your turn: {id}")
}

/// The statement that says what to do, and panics with that.
pub(crate) fn open(id: &str, prompt: &str) -> String {
    let message = format!("{}: {prompt}", still_open(id));
    // It becomes a format string in a string literal.
    format!("todo!({:?})", message.replace('{', "{{").replace('}', "}}"))
}

/// What a program says that reaches an open hole.
pub(crate) fn still_open(id: &str) -> String {
    format!("exercise {id} is still open")
}

/// `text` moved to the right by `indent`; empty lines stay empty.
pub(crate) fn indent(text: &str, indent: &str) -> String {
    text.lines().fold(String::new(), |done, line| match line.trim_end() {
        "" => done + "\n",
        line => done + indent + line + "\n",
    })
}

/// `text` moved to the left by as much as all its lines allow.
pub(crate) fn dedent(text: &str) -> String {
    let width = |line: &str| line.len() - line.trim_start().len();
    let margin = text.lines().filter(|line| !line.trim().is_empty()).map(width).min().unwrap_or(0);
    text.lines().fold(String::new(), |done, line| done + line.get(margin..).unwrap_or("") + "\n")
}

/// Whether a line begins the part called `name`.
pub(crate) fn begins(line: &str, name: &str) -> bool {
    marker(line).is_some_and(|(side, found)| side == Side::Start && found == name)
}

/// Whether a line ends the part called `name`.
pub(crate) fn ends(line: &str, name: &str) -> bool {
    marker(line).is_some_and(|(side, found)| side == Side::End && found == name)
}

/// Whether a line begins or ends any part.
pub(crate) fn is_marker(line: &str) -> bool {
    marker(line).is_some()
}

#[derive(PartialEq)]
enum Side {
    Start,
    End,
}

fn marker(line: &str) -> Option<(Side, &str)> {
    let rest = line.trim().strip_prefix("//")?.trim_start();
    let end = rest.strip_prefix("ANCHOR_END:").map(|name| (Side::End, name.trim()));
    end.or_else(|| rest.strip_prefix("ANCHOR:").map(|name| (Side::Start, name.trim())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "fn f() -> u8 {\n    // ANCHOR: ex_f\n    1 + 2\n    // ANCHOR_END: ex_f\n}\n";

    #[test]
    fn a_region_is_what_stands_between_its_markers() {
        assert_eq!(contents(TEXT, "ex_f").unwrap(), "    1 + 2\n");
        assert_eq!(find(TEXT, "ex_f").unwrap().line, 2);
    }

    #[test]
    fn a_starter_is_the_value_of_its_block() {
        let region = find(TEXT, "ex_f").unwrap();
        let body = starter(&region, "ch01-a/f", "Add", r#"Say "{}" and \n."#);
        insta::assert_snapshot!(replace(TEXT, "ex_f", &body).unwrap(), @r#"
        fn f() -> u8 {
            // ANCHOR: ex_f
            // Exercise ch01-a/f: Add. Stuck? cargo wb hint ch01-a/f
            todo!("exercise ch01-a/f is still open: Say \"{{}}\" and \\n.")
            // ANCHOR_END: ex_f
        }
        "#);
    }

    #[test]
    fn a_starter_that_others_follow_is_a_statement() {
        let text = TEXT.replace("ex_f\n}", "ex_f\n    more();\n}");
        let region = find(&text, "ex_f").unwrap();
        assert!(starter(&region, "a/b", "T", "P").ends_with("todo!(\"exercise a/b is still open: P\");\n"));
    }

    #[test]
    fn broken_markers_are_told_apart() {
        let faults = [
            TEXT.replace("ANCHOR: ex_f", "ANCHOR: other"),
            TEXT.replace("// ANCHOR_END: ex_f", ""),
            TEXT.repeat(2),
            "// ANCHOR_END: ex_f\n// ANCHOR: ex_f\n".into(),
        ]
        .map(|text| find(&text, "ex_f").unwrap_err().to_string());
        insta::assert_snapshot!(faults.join("\n"), @r"
        `// ANCHOR: ex_f` is missing
        `// ANCHOR_END: ex_f` is missing
        `// ANCHOR: ex_f` is there twice, the second time on line 7
        `// ANCHOR_END: ex_f` comes before `// ANCHOR: ex_f`
        ");
    }

    fn code() -> impl Strategy<Value = String> {
        proptest::collection::vec("[ a-z{}();/]{0,20}\n", 0..6).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(before in code(), old in code(), new in code(), after in code(), width in 0..5usize) {
            let pad = " ".repeat(width);
            let text = format!("{before}{pad}// ANCHOR: ex_a\n{old}{pad}// ANCHOR_END: ex_a\n{after}");
            prop_assert_eq!(contents(&text, "ex_a").unwrap(), &old);
            let changed = replace(&text, "ex_a", &new).unwrap();
            prop_assert_eq!(contents(&changed, "ex_a").unwrap(), &new);
            prop_assert_eq!(replace(&changed, "ex_a", &old).unwrap(), text);
        }

        #[test]
        fn a_neighbour_is_left_alone(first in code(), second in code(), new in code()) {
            let text = format!(
                "// ANCHOR: ex_a\n{first}// ANCHOR_END: ex_a\n// ANCHOR: ex_b\n{second}// ANCHOR_END: ex_b\n"
            );
            let changed = replace(&text, "ex_a", &new).unwrap();
            prop_assert_eq!(contents(&changed, "ex_b").unwrap(), &second);
        }

        #[test]
        fn moving_right_and_left_again_changes_nothing(text in code()) {
            let clean = indent(&dedent(&text), "");
            prop_assert_eq!(dedent(&indent(&clean, "    ")), clean);
        }
    }
}
