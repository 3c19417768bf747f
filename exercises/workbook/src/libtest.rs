//! What test programs print, counted: how many tests passed, which failed and what they said, which were skipped.

use std::collections::BTreeSet;

/// Results of one test program.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Program {
    /// As cargo or the guest calls it.
    pub name: String,
    /// Skipped tests count as passed here: libtest knows no skips.
    pub passed: usize,
    /// Test, and what it said.
    pub failed: Vec<(String, String)>,
    /// Every test, passed or not, as `program::test`.
    pub ran: BTreeSet<String>,
    /// Whether it came to its end.
    pub finished: bool,
}

impl Program {
    /// Reads the output of the program `name`. Of `package/program` only the second part counts as its name in `ran`.
    pub fn read(name: &str, lines: &[String]) -> Self {
        let crate_name = name.rsplit('/').next().unwrap_or(name).replace('-', "_");
        let tests = lines.iter().filter_map(|line| line.strip_prefix("test ")?.split_once(" ..."));
        let ran = tests.clone().map(|(test, _)| format!("{crate_name}::{}", plain(test))).collect();
        let failed = tests.filter(|(_, result)| result.trim() == "FAILED");
        let failed = failed.map(|(test, _)| (plain(test).to_owned(), said(test, lines))).collect();
        // Believed more than single lines, which a kernel may write into: `test result: ok. 3 passed; 0 failed; …`.
        let results = lines.iter().filter_map(|line| line.strip_prefix("test result: "));
        let passed: Vec<usize> = results.filter_map(passed).collect();
        Self { name: name.into(), passed: passed.iter().sum(), failed, ran, finished: !passed.is_empty() }
    }
}

fn plain(test: &str) -> &str {
    test.strip_suffix(" - should panic").unwrap_or(test)
}

fn passed(result: &str) -> Option<usize> {
    result.split_once(". ")?.1.split(' ').next()?.parse().ok()
}

/// What stands below `---- TEST stdout ----`.
fn said(test: &str, lines: &[String]) -> String {
    let head = format!("---- {} stdout ----", plain(test));
    let said = lines.iter().skip_while(|line| **line != head).skip(1);
    let said: Vec<&str> =
        said.take_while(|line| !line.starts_with("---- ") && *line != "failures:").map(String::as_str).collect();
    said.join("\n").trim().to_owned()
}

/// A test that could not run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// `program::test`.
    pub test: String,
    /// What it needs and did not find.
    pub missing: String,
    /// How to get that.
    pub cure: String,
}

/// Reads the file that `WB_SKIPS` names: `TEST<TAB>MISSING<TAB>CURE` lines. A test that says it twice is skipped once.
pub fn skips(text: &str) -> Vec<Skip> {
    let fields = text.lines().filter_map(|line| {
        let mut parts = line.split('\t').map(str::to_owned);
        Some(Skip { test: parts.next()?, missing: parts.next()?, cure: parts.next()? })
    });
    fields.collect::<BTreeSet<Skip>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_even_where_the_kernel_writes_into_a_line() {
        let text = "running 3 tests\ntest a ... ok\ntest b::c - should panic ... FAILED\ntest d ...[ 9.1] the kernel\nok\n\
                    failures:\n\n---- b::c stdout ----\nexpected 1\n\nfailures:\n    b::c\n\n\
                    test result: FAILED. 2 passed; 1 failed; 0 ignored";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let program = Program::read("cgroups/io-max", &lines);
        assert_eq!(program.passed, 2);
        assert_eq!(program.failed, [("b::c".to_owned(), "expected 1".to_owned())]);
        assert_eq!(program.ran.iter().collect::<Vec<_>>(), ["io_max::a", "io_max::b::c", "io_max::d"]);
        assert!(program.finished);
        assert!(!Program::read("cgroups/io-max", &lines[..3]).finished);
    }

    #[test]
    fn skips_have_reasons_and_are_counted_once() {
        let skips = skips("a\tno root\tsudo\nbroken\na\tno root\tsudo\n");
        assert_eq!(skips, [Skip { test: "a".into(), missing: "no root".into(), cure: "sudo".into() }]);
    }
}
