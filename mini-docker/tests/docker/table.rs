//! The tables of cases, `cases/*.txt`: what is typed, and where we mean to answer otherwise than docker.
//!
//! A line is one of these:
//!
//! | begins with | is |
//! |---|---|
//! | `# ` | a comment |
//! | `+ ` | shell that goes before every case of the file |
//! | `= NAME: ` | a reason, for several cases |
//! | four spaces | about the case above it: `differs PART…: REASON`, or `may differ …` where that depends on docker's runc |
//! | anything else | a case: a line for bash, in which `docker` is docker or we, in an empty directory `$T` |

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What is compared of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Status,
    Stdout,
    Stderr,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Status, Self::Stdout, Self::Stderr];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// One line.
#[derive(Debug)]
pub(crate) struct Case {
    /// `user.txt:12`.
    pub(crate) place: String,
    /// Prelude and line.
    pub(crate) script: String,
    pub(crate) line: String,
    /// The parts in which we differ on purpose.
    pub(crate) differs: Vec<Part>,
    /// Those in which we differ from an older runc, and not from a newer one: it is the system's, with whatever docker.
    pub(crate) may_differ: Vec<Part>,
}

/// All cases of a directory, in the order of files and lines.
pub(crate) fn read(directory: &Path) -> Vec<Case> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("the directory of cases")
        .map(|entry| entry.expect("a file of cases").path())
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            parse(&name, &fs::read_to_string(path).expect("a file of cases"))
        })
        .collect()
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let (mut prelude, mut reasons, mut cases) = (String::new(), BTreeMap::new(), Vec::<Case>::new());
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(shell) = line.strip_prefix("+ ") {
            prelude.push_str(shell);
            prelude.push('\n');
        } else if let Some(reason) = line.strip_prefix("= ") {
            let (name, _) = reason.split_once(": ").unwrap_or_else(|| panic!("{place}: a reason is NAME: TEXT"));
            assert!(reasons.insert(name.to_owned(), false).is_none(), "{place}: the reason {name} is there twice");
        } else if let Some(note) = line.strip_prefix("    ") {
            let case = cases.last_mut().unwrap_or_else(|| panic!("{place}: about no case"));
            annotate(case, note, &mut reasons).unwrap_or_else(|| panic!("{place}: {note:?} says nothing"));
        } else {
            let (script, line) = (format!("{prelude}{line}"), line.to_owned());
            cases.push(Case { place, script, line, differs: Vec::new(), may_differ: Vec::new() });
        }
    }
    let idle: Vec<_> = reasons.iter().filter(|(_, used)| !**used).map(|(name, _)| name).collect();
    assert!(idle.is_empty(), "{file}: reasons that no case has: {idle:?}");
    cases
}

fn annotate(case: &mut Case, note: &str, reasons: &mut BTreeMap<String, bool>) -> Option<()> {
    let (what, reason) = note.split_once(": ")?;
    // A reason is one that has a name, or a sentence.
    match reasons.get_mut(reason) {
        Some(used) => *used = true,
        None if reason.contains(' ') => {}
        None => return None,
    }
    let (parts, list) = match what.strip_prefix("may differ ") {
        Some(parts) => (parts, &mut case.may_differ),
        None => (what.strip_prefix("differs ")?, &mut case.differs),
    };
    list.extend(parts.split(' ').map(Part::from_name).collect::<Option<Vec<_>>>()?);
    Some(())
}

#[test]
fn a_table_has_preludes_reasons_and_cases() {
    let cases = parse(
        "a.txt",
        "# words\n= ours: a reason\n+ f() { docker \"$@\"; }\n\nf run\n    differs stderr: ours\nf rm\n",
    );
    let shown: Vec<_> = cases.iter().map(|case| (&*case.place, &*case.script, &*case.differs)).collect();
    assert_eq!(
        shown,
        [
            ("a.txt:5", "f() { docker \"$@\"; }\nf run", &[Part::Stderr][..]),
            ("a.txt:7", "f() { docker \"$@\"; }\nf rm", &[])
        ]
    );
}

#[test]
#[should_panic(expected = "says nothing")]
fn a_difference_has_a_reason() {
    parse("a.txt", "docker run\n    differs stderr: because\n");
}

#[test]
#[should_panic(expected = "reasons that no case has")]
fn a_reason_is_used() {
    parse("a.txt", "= why: a reason\ndocker run\n");
}
