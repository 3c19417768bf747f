//! Docker's flags, as `docker COMMAND --help` lists them: `help/*.txt` are release 28.5's, for each command that we have.

use std::fs;
use std::path::Path;

use crate::table::Case;

/// What `docker COMMAND --help` prints.
#[derive(Debug)]
pub(crate) struct Help {
    /// `image ls`.
    pub(crate) command: String,
    pub(crate) text: String,
}

pub(crate) fn read(directory: &Path) -> Vec<Help> {
    let mut all: Vec<Help> = fs::read_dir(directory)
        .expect("the directory of help texts")
        .map(|entry| {
            let path = entry.expect("a help text").path();
            let command = path.file_stem().unwrap_or_default().to_string_lossy().replace('-', " ");
            Help { command, text: fs::read_to_string(&path).expect("a help text") }
        })
        .collect();
    all.sort_by(|one, other| one.command.cmp(&other.command));
    all
}

impl Help {
    /// The long names: the lines that begin with `  -a, --attach list` or `      --attach list`.
    pub(crate) fn flags(&self) -> Vec<&str> {
        let of = |line: &'_ str| -> Option<usize> {
            let indent = line.len() - line.trim_start().len();
            let at = line.find("--").filter(|at| matches!(indent, 2 | 6) && *at == 6)?;
            Some(at + 2)
        };
        self.text
            .lines()
            .filter_map(|line| Some(line[of(line)?..].split(' ').next().unwrap_or_default()))
            .filter(|flag| !flag.is_empty())
            .collect()
    }

    /// The line that docker takes with `flag`, and the one that it does not.
    pub(crate) fn lines<'a>(&self, flag: &str, cases: &'a [Case]) -> (Option<&'a Case>, Option<&'a Case>) {
        let find = |quality: &str| {
            let begin = format!("{quality} {} ", self.command);
            cases.iter().find(|case| {
                let words = case.line.strip_prefix(&begin);
                words.is_some_and(|words| words.split([' ', '=']).any(|word| word.strip_prefix("--") == Some(flag)))
            })
        };
        (find("good"), find("bad"))
    }
}

#[test]
fn flags_are_found_in_columns() {
    let text = "Usage:  docker x\n\nOptions:\n  -a, --attach list      Attach --to it\n      --add-host list    Add\n                         --more\n      --rm               Remove\n";
    let help = Help { command: "x".into(), text: text.into() };
    assert_eq!(help.flags(), ["attach", "add-host", "rm"]);
}
