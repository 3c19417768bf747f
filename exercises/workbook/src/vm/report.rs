//! What the guest said, read.

use std::fmt;

use super::guest::MARK;

/// Results of all tests in the guest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// How many passed.
    pub(crate) passed: usize,
    /// For each test program how many passed and failed.
    pub(crate) programs: Vec<(String, usize, usize)>,
    /// `package/target::test`, with what it printed.
    pub(crate) failed: Vec<(String, String)>,
    /// Test, what is missing, cure.
    pub(crate) skipped: Vec<(String, String, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, passed, failed) in self.programs.iter().filter(|(_, passed, failed)| passed + failed > 0) {
            let failed = if *failed == 0 { String::new() } else { format!(", {failed} failed") };
            writeln!(out, "{name:<32} {passed} passed{failed}")?;
        }
        for (name, output) in &self.failed {
            writeln!(out, "failed in the guest: {name}\n{output}")?;
        }
        for (name, what, cure) in &self.skipped {
            writeln!(out, "skipped in the guest: {name}: {what} ({cure})")?;
        }
        writeln!(
            out,
            "in the guest: {} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }
}

/// Reads the console.
pub(crate) fn parse(console: &str) -> Report {
    let mut report = Report::default();
    let (mut binary, mut section, mut in_skips, mut finished) = (String::new(), Vec::new(), false, false);
    for line in console.lines() {
        if let Some(ours) = line.strip_prefix(MARK) {
            let words: Vec<&str> = ours.split_whitespace().collect();
            match words[..] {
                ["begin", name] => {
                    name.clone_into(&mut binary);
                    section.clear();
                }
                ["end", name, code] => {
                    let before = report.failed.len();
                    let passed = read_results(name, &section, &mut report);
                    if code != "0" && report.failed.len() == before {
                        report.failed.push((name.into(), format!("ended with status {code}\n{}", section.join("\n"))));
                    }
                    report.passed += passed;
                    report.programs.push((name.into(), passed, report.failed.len() - before));
                    section.clear();
                    binary.clear();
                }
                ["skips"] => in_skips = true,
                ["done"] => finished = true,
                _ => {}
            }
        } else if in_skips {
            let mut parts = line.splitn(3, '\t').map(str::to_owned);
            if let (Some(test), Some(what), Some(cure)) = (parts.next(), parts.next(), parts.next()) {
                report.skipped.push((test, what, cure));
            }
        } else {
            section.push(line.to_owned());
        }
    }
    if !finished {
        let tail: Vec<&str> = console.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        report.failed.push((format!("the guest ({binary})"), format!("stopped early:\n{}", tail.join("\n"))));
    }
    // For libtest a skipped test is a passed one.
    report.passed = report.passed.saturating_sub(report.skipped.len());
    report
}

/// What ends a binary's output, and how many of its tests passed: `test result: ok. 3 passed; 0 failed; …`. It is believed
/// more than single lines, which the kernel may write into.
fn passed(lines: &[String]) -> usize {
    let results = lines.iter().filter_map(|line| line.strip_prefix("test result: "));
    let count = |rest: &str| rest.split_once(". ")?.1.split(' ').next()?.parse::<usize>().ok();
    results.filter_map(count).sum()
}

/// Adds what failed: `test NAME ... FAILED`, and `---- NAME stdout ----` before what it printed.
fn read_results(binary: &str, lines: &[String], report: &mut Report) -> usize {
    let failed = lines.iter().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    for test in failed.map(|test| test.strip_suffix(" - should panic").unwrap_or(test)) {
        let head = format!("---- {test} stdout ----");
        let output = lines.iter().skip_while(|line| **line != head).skip(1);
        let output: Vec<&str> =
            output.take_while(|line| !line.starts_with("---- ") && *line != "failures:").map(String::as_str).collect();
        report.failed.push((format!("{binary}::{test}"), output.join("\n")));
    }
    passed(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_failed_and_skipped_are_told_apart() {
        let console = "boot\n@@ begin cgroups/memory\ntest a ... ok\ntest b ... FAILED\ntest c ...[ 9.1] a word from the kernel\n\
                       ok\nfailures:\n---- b stdout ----\nexpected 1\nfailures:\n    b\n\
                       test result: FAILED. 2 passed; 1 failed; 0 ignored\n@@ end cgroups/memory 101\n\
                       @@ skips\nc\tthe v1 list\ta v1 machine\n@@ done\n";
        let report = parse(console);
        assert_eq!(report.passed, 1);
        insta::assert_snapshot!(report);
        assert_eq!(report.failed, [("cgroups/memory::b".to_owned(), "expected 1".to_owned())]);
        assert_eq!(report.skipped, [("c".to_owned(), "the v1 list".to_owned(), "a v1 machine".to_owned())]);
    }

    #[test]
    fn a_guest_that_dies_is_a_failure() {
        let report = parse("@@ begin cgroups/memory\ntest a ... ok\nKernel panic");
        assert_eq!(report.failed.len(), 1);
        assert!(report.failed[0].0.contains("cgroups/memory"));
    }
}
