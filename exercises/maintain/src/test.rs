//! `cargo wb test`: everything that must be green, in one command.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _, pipe};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use workbook::libtest::{Program, Skip, skips};
use workbook::{Workspace, check, mutants};

use crate::packages::{self, Purpose};
use crate::stages::{Run, Tally, command, summary};
use crate::vm::{self, Report};
use crate::{links, pages, reference, release};

/// What can be asked for alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// rustfmt
    Format,
    /// clippy
    Lints,
    /// The release build
    Build,
    /// Every test, on this machine
    Tests,
    /// The kernel tests again, in the guest
    Guest,
    /// cargo wb dev check
    Exercises,
    /// Wrong answers made by machine, for the exercises that have changed
    Mutants,
    /// Build the book, look at its links and pages
    Book,
}

/// Installs what tests need, and runs all of them, or the stages asked for.
pub(crate) fn run(only: &[Stage]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let root = workspace.root();
    packages::install(Purpose::Test)?;
    reference::fetch(root);
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(root).stdin(Stdio::null());
        command
    };
    let mut stages = Run::default();
    let mut run = |which: Stage, name: &str, what: &mut dyn FnMut() -> Result<Tally>| {
        if only.is_empty() || only.contains(&which) {
            stages.stage(name, what);
        }
    };
    run(Stage::Format, "format", &mut || command("format", &mut cargo(&["fmt", "--all", "--check"])));
    run(Stage::Lints, "lints", &mut || {
        command("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
    });
    run(Stage::Build, "release build", &mut || {
        Ok(Tally::of("release build", release::build(root, &["mini-docker", "mini-runc"])?.is_dir()))
    });
    let (mut here, mut guest) = (Results::default(), Report::default());
    run(Stage::Tests, "tests", &mut || {
        here = tests(root)?;
        Ok(here.tally())
    });
    run(Stage::Guest, "tests in the guest", &mut || {
        if let Some((missing, cure)) = vm::missing(root) {
            let skipped = vec![("tests in the guest".into(), format!("{missing} ({cure})"))];
            return Ok(Tally { skipped, ..Tally::default() });
        }
        guest = vm::run_tests(&[], &[])?;
        print!("{guest}");
        let failed = guest.failed().iter().map(|(name, _)| format!("{name} (guest)")).collect();
        Ok(Tally { passed: guest.passed(), failed, skipped: Vec::new() })
    });
    run(Stage::Exercises, "exercises", &mut || {
        let options = check::Options { only_starters: false, only_pages: false, bless: false };
        let proved = check::run(&[], options)?;
        Ok(Tally {
            passed: proved.passed,
            failed: proved.failed.into_iter().map(|(name, said)| format!("check of {name}: {said}")).collect(),
            skipped: proved.skipped.into_iter().map(|name| (format!("check of {name}"), "see above".into())).collect(),
        })
    });
    run(Stage::Mutants, "mutants", &mut wrong_answers);
    run(Stage::Book, "book", &mut || book(root));
    let nowhere = ran_nowhere(&here, &guest);
    let all = &mut stages.all;
    all.skipped.extend(nowhere.into_iter().map(|skip| (skip.test, format!("{} ({})", skip.missing, skip.cure))));
    if std::env::var_os("CI").is_some() {
        let path = root.join(".ci/allowed-skips");
        let list = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        all.failed.extend(forbidden(&all.skipped, &list));
    }
    print!("{}", summary(&stages));
    Ok(if stages.all.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the tests on this machine said.
#[derive(Debug, Default)]
struct Results {
    programs: Vec<Program>,
    skipped: Vec<Skip>,
    /// Cargo's own verdict: a test that does not compile has no line of its own.
    good: bool,
}

impl Results {
    /// Without the skips: whether a test was skipped is known when the guest has run too.
    fn tally(&self) -> Tally {
        let passed: usize = self.programs.iter().map(|program| program.passed).sum();
        let tests =
            self.programs.iter().flat_map(|program| program.failed.iter().map(move |(test, _)| (program, test)));
        let mut failed: Vec<String> = tests.map(|(program, test)| format!("{}::{test}", program.name)).collect();
        let unfinished = self.programs.iter().filter(|program| !program.finished);
        failed.extend(unfinished.map(|program| format!("{}: it did not come to its end", program.name)));
        if !self.good && failed.is_empty() {
            failed.push("cargo test".into());
        }
        Tally { passed: passed.saturating_sub(self.skipped.len()), failed, skipped: Vec::new() }
    }
}

/// Every test of the workspace; skips are collected from the file that the kernel tests write. Shown is what matters; all
/// of it goes into a file.
fn tests(root: &Path) -> Result<Results> {
    let directory = root.join("target/wb");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let (skip_file, log) = (directory.join("skips"), directory.join("test.log"));
    let _ = fs::remove_file(&skip_file);
    // One pipe for both: cargo names the program on one, the program reports on the other.
    let (output, input) = pipe()?;
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]).current_dir(root);
    // The comparison with docker runs a thousand containers.
    command.env("WB_SKIPS", &skip_file).env("INSTA_UPDATE", "no").env("TESTKIT_SECONDS", "600");
    let mut child =
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).spawn().context("run cargo")?;
    // It holds the pipe open.
    drop(command);
    let mut copy = File::create(&log).with_context(|| format!("create {}", log.display()))?;
    let mut lines = Vec::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(copy, "{line}")?;
        if is_shown(&line) {
            println!("{line}");
        }
        lines.push(line);
    }
    let good = child.wait()?.success();
    let skipped = skips(&fs::read_to_string(&skip_file).unwrap_or_default());
    println!("all of it is in {}", log.display());
    Ok(Results { programs: programs(&lines), skipped, good })
}

/// Neither the hundreds of tests that are fine, nor the empty lines between them.
fn is_shown(line: &str) -> bool {
    let fine = line.starts_with("test ") && (line.ends_with(" ... ok") || line.starts_with("test result: ok."));
    !(fine || line.is_empty() || line.starts_with("running ") || line.trim_start().starts_with("Running "))
}

/// Cuts cargo's output where it names the next program: `Running tests/uts.rs (target/debug/deps/uts-0a1b)`, or
/// `Doc-tests process`.
fn programs(lines: &[String]) -> Vec<Program> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Running", .., path] if path.starts_with('(') => sections.push((program_name(path), Vec::new())),
            ["Doc-tests", name] => sections.push((format!("doc/{name}"), Vec::new())),
            _ => sections.iter_mut().next_back().into_iter().for_each(|(_, lines)| lines.push(line.clone())),
        }
    }
    sections.iter().map(|(name, lines)| Program::read(name, lines)).collect()
}

/// `uts`, of `(target/debug/deps/uts-0a1b)`.
fn program_name(path: &str) -> String {
    let file = path.trim_matches(['(', ')']).rsplit('/').next().unwrap_or(path);
    file.rsplit_once('-').map_or(file, |(name, _)| name).to_owned()
}

/// A test that was skipped here may have run in the guest, and the other way round: each proves what it can. What is left
/// was proved by nobody.
fn ran_nowhere(here: &Results, guest: &Report) -> Vec<Skip> {
    let names = |skips: &[Skip]| skips.iter().map(|skip| skip.test.clone()).collect::<BTreeSet<_>>();
    let ran = |programs: &[Program], skipped: &[Skip]| {
        let all: BTreeSet<String> = programs.iter().flat_map(|program| program.ran.iter().cloned()).collect();
        &all - &names(skipped)
    };
    let somewhere = &ran(&here.programs, &here.skipped) | &ran(&guest.programs, &guest.skipped);
    let skipped = here.skipped.iter().chain(&guest.skipped).filter(|skip| !somewhere.contains(&skip.test));
    // Of two reasons, that of this machine.
    let mut by_name = BTreeMap::new();
    for skip in skipped {
        by_name.entry(&skip.test).or_insert(skip);
    }
    by_name.into_values().cloned().collect()
}

/// The verdicts on wrong answers are committed; those that are about older tests, or another hole, are made anew, as far as
/// there is time.
fn wrong_answers() -> Result<Tally> {
    const AT_MOST: Duration = Duration::from_mins(3);
    let options = mutants::Options { at_most: Some(AT_MOST), ..mutants::Options::default() };
    let judged = mutants::judge_all(&[], options)?;
    let left = (!judged.skipped.is_empty()).then(|| ("mutants".into(), format!("of {}", judged.skipped.join(", "))));
    let failed = judged.failed.iter().map(|(id, _)| format!("mutants of {id}")).collect();
    Ok(Tally { passed: judged.passed, failed, skipped: left.into_iter().collect() })
}

fn book(root: &Path) -> Result<Tally> {
    let mut mdbook = workbook::machine::book::command(root)?;
    let mut tally = command("mdbook build", mdbook.arg("build").arg(root.join("book")))?;
    if !tally.failed.is_empty() {
        return Ok(tally);
    }
    let built = root.join("target/book");
    let mut checked = |name: &str, problems: Vec<String>| {
        let problems: Vec<String> = problems.into_iter().map(|problem| format!("{name}: {problem}")).collect();
        tally.add(Tally { passed: problems.is_empty().into(), failed: problems, skipped: Vec::new() });
    };
    checked("links of the book", links::broken(&built)?);
    match packages::browser() {
        Some(browser) => checked("pages in a browser", pages::problems(&built, browser, &pages::all(&built)?)?),
        None => tally.skipped.push(("pages in a browser".into(), "no browser (apt-get install chromium)".into())),
    }
    Ok(tally)
}

/// What may be skipped is listed in the repository, with the reason. In CI a skip that is not listed is a failure: a test
/// that nobody runs proves nothing.
fn forbidden(skipped: &[(String, String)], list: &str) -> Vec<String> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let allowed: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let unknown = skipped.iter().filter(|(name, _)| !allowed.contains(name.as_str()));
    unknown.map(|(name, _)| format!("{name} was skipped, and .ci/allowed-skips does not list it")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn skip(test: &str) -> Skip {
        Skip { test: test.into(), missing: "something".into(), cure: "get it".into() }
    }

    #[test]
    fn each_program_has_its_results() {
        let output = lines(
            "   Compiling process\n     Running unittests src/lib.rs (target/debug/deps/process-0a)\n\
             test a ... ok\ntest result: ok. 1 passed; 0 failed\n     Running tests/id-map.rs (/t/deps/id-map-1b)\n\
             test b ... FAILED\n---- b stdout ----\nwhy\ntest result: FAILED. 3 passed; 1 failed\n\
             \x20    Running tests/uts.rs (/t/deps/uts-2c)\ntest c ... ok\n   Doc-tests process\n\
             test result: ok. 2 passed; 0 failed\n",
        );
        let results = Results { programs: programs(&output), skipped: vec![skip("process::a")], good: false };
        let tally = results.tally();
        assert_eq!(tally.passed, 5);
        assert_eq!(tally.failed, ["id-map::b", "uts: it did not come to its end"]);
    }

    #[test]
    fn what_does_not_compile_is_a_failure() {
        let results = Results { programs: programs(&lines("error: no\n")), ..Results::default() };
        assert_eq!(results.tally().failed, ["cargo test"]);
    }

    #[test]
    fn only_what_ran_neither_here_nor_in_the_guest_is_skipped() {
        let program = Program::read("limits", &lines("test v1 ... ok\ntest v2 ... ok\ntest both ... ok\n"));
        let here = Results {
            programs: vec![program.clone()],
            skipped: vec![skip("limits::v2"), skip("limits::both"), skip("runc::here")],
            good: true,
        };
        let guest = Report {
            programs: vec![program],
            skipped: vec![skip("limits::v1"), skip("limits::both")],
            ..Report::default()
        };
        let names: Vec<String> = ran_nowhere(&here, &guest).into_iter().map(|skip| skip.test).collect();
        assert_eq!(names, ["limits::both", "runc::here"]);
    }

    #[test]
    fn a_skip_that_is_not_listed_is_a_failure() {
        let skipped = [("a".to_owned(), String::new()), ("b".to_owned(), String::new())];
        let failed = forbidden(&skipped, "# reasons\na  needs cgroup v1\n");
        assert_eq!(failed, ["b was skipped, and .ci/allowed-skips does not list it"]);
    }
}
