//! What the guest said, read.

use std::fmt;

use super::guest::MARK;
use workbook::libtest::{Program, Skip, skips};

/// Results of all tests in the guest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) programs: Vec<Program>,
    pub(crate) skipped: Vec<Skip>,
    /// Why the guest did not come to its end.
    pub(crate) broken: Option<String>,
}

impl Report {
    /// How many tests passed.
    pub(crate) fn passed(&self) -> usize {
        // For libtest a skipped test is a passed one.
        self.programs.iter().map(|program| program.passed).sum::<usize>().saturating_sub(self.skipped.len())
    }

    /// `package/program::test`, with what it said.
    pub(crate) fn failed(&self) -> Vec<(String, &str)> {
        let tests = self.programs.iter().flat_map(|program| {
            program.failed.iter().map(|(test, said)| (format!("{}::{test}", program.name), said.as_str()))
        });
        let broken = self.broken.as_deref().map(|why| ("the guest".to_owned(), why));
        tests.chain(broken).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Program { name, passed, failed, .. } in &self.programs {
            match (passed, failed.len()) {
                (0, 0) => {}
                (passed, 0) => writeln!(out, "{name:<32} {passed} passed")?,
                (passed, failed) => writeln!(out, "{name:<32} {passed} passed, {failed} failed")?,
            }
        }
        for (name, said) in self.failed() {
            writeln!(out, "\nfailed in the guest: {name}\n{said}")?;
        }
        if !self.failed().is_empty() {
            writeln!(out)?;
        }
        for Skip { test, missing, cure } in &self.skipped {
            writeln!(out, "skipped in the guest: {test}: {missing} ({cure})")?;
        }
        let counts = (self.passed(), self.failed().len(), self.skipped.len());
        writeln!(out, "in the guest: {} passed, {} failed, {} skipped", counts.0, counts.1, counts.2)
    }
}

/// Reads the console.
pub(crate) fn parse(console: &str) -> Report {
    let mut report = Report::default();
    let (mut section, mut running, mut finished) = (Vec::new(), None, false);
    for line in console.lines() {
        let Some(ours) = line.strip_prefix(MARK) else {
            section.push(line.to_owned());
            continue;
        };
        let words: Vec<&str> = ours.split_whitespace().collect();
        match words[..] {
            ["begin", name] => running = Some(name),
            ["end", name, code] => {
                let mut program = Program::read(name, &section);
                if code != "0" && program.failed.is_empty() {
                    program
                        .failed
                        .push(("the program".into(), format!("status {code}\n{}", section.join("\n")).trim().into()));
                }
                report.programs.push(program);
                running = None;
            }
            ["done"] => {
                report.skipped = skips(&section.join("\n"));
                finished = true;
            }
            _ => {}
        }
        section.clear();
    }
    if !finished {
        const TAIL: usize = 30;
        let tail = section[section.len().saturating_sub(TAIL)..].join("\n");
        report.broken = Some(format!("stopped early, in {}:\n{tail}", running.unwrap_or("none of the tests")));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_failed_and_skipped_are_told_apart() {
        let console = "boot\n@@ begin cgroups/memory\ntest a ... ok\ntest b ... FAILED\ntest c ... ok\n\
                       failures:\n---- b stdout ----\nexpected 1\nfailures:\n    b\n\
                       test result: FAILED. 2 passed; 1 failed; 0 ignored\n@@ end cgroups/memory 101\n\
                       @@ begin cgroups/io\n@@ end cgroups/io 139\n\
                       @@ skips\nmemory::c\tthe v1 list\ta v1 machine\n@@ done\n";
        insta::assert_snapshot!(parse(console));
    }

    #[test]
    fn a_guest_that_dies_is_a_failure() {
        insta::assert_snapshot!(parse("@@ begin cgroups/memory\ntest a ... ok\nKernel panic"));
    }
}
