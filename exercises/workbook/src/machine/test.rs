//! `cargo wb test`: everything that must be green, in one command.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use super::packages::{self, Purpose};
use super::stages::{Tally, command, stage, summary};
use super::{links, pages, release};
use crate::commands::dev;
use crate::vm;
use crate::workspace::Workspace;

/// Installs what tests need, and runs all of them.
pub(crate) fn run() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    packages::install(Purpose::Test)?;
    let mut all = Tally::default();
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(root).stdin(Stdio::null());
        command
    };
    stage("format", &mut all, || command("format", &mut cargo(&["fmt", "--all", "--check"])));
    stage("lints", &mut all, || {
        command("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
    });
    stage("release build", &mut all, || Ok(Tally::of("release build", release::build(root)?.is_dir())));
    stage("tests", &mut all, || tests(root));
    stage("tests in the guest", &mut all, guest);
    stage("exercises", &mut all, || {
        let options = dev::check::Options { only_starters: false, bless: false };
        Ok(Tally::of("cargo wb dev check", dev::check::run(&[], options)? == ExitCode::SUCCESS))
    });
    stage("book", &mut all, || book(root));
    forgive_known_skips(root, &mut all)?;
    print!("{}", summary(&all));
    Ok(if all.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every test of the workspace; skips are collected from the file that the kernel tests write.
fn tests(root: &Path) -> Result<Tally> {
    let directory = root.join("target/wb");
    fs::create_dir_all(&directory)?;
    let skips = directory.join("skips");
    let _ = fs::remove_file(&skips);
    let output = Command::new("cargo")
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("WB_SKIPS", &skips)
        .env("INSTA_UPDATE", "no")
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo test")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let mut tally = count(&text);
    if !output.status.success() && tally.failed.is_empty() {
        tally.failed.push("cargo test".into());
    }
    tally.skipped = read_skips(&fs::read_to_string(&skips).unwrap_or_default());
    // For libtest a skipped test is a passed one.
    tally.passed = tally.passed.saturating_sub(tally.skipped.len());
    Ok(tally)
}

/// Reads libtest's lines.
fn count(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("test ")) {
        match line.rsplit_once(" ... ") {
            Some((_, "ok")) => tally.passed += 1,
            Some((name, "FAILED")) => tally.failed.push(name.into()),
            _ => {}
        }
    }
    tally
}

/// `TEST<TAB>MISSING<TAB>CURE` lines.
fn read_skips(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let mut parts = line.split('\t');
            Some((parts.next()?.to_owned(), format!("{} ({})", parts.next()?, parts.next()?)))
        })
        .collect()
}

fn guest() -> Result<Tally> {
    let report = vm::run_tests(&[], &[])?;
    print!("{report}");
    let here = |name: &str| format!("{name} (guest)");
    Ok(Tally {
        passed: report.passed,
        failed: report.failed.iter().map(|(name, _)| here(name)).collect(),
        skipped: report.skipped.iter().map(|(name, what, cure)| (here(name), format!("{what} ({cure})"))).collect(),
    })
}

fn book(root: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    let mdbook = packages::mdbook(root)?;
    tally.add(command("mdbook build", Command::new(mdbook).arg("build").arg(root.join("book")))?);
    let built = root.join("target/book");
    let mut checked = |name: &str, problems: Vec<String>| {
        tally.add(Tally::of(name, problems.is_empty()));
        tally.failed.extend(problems);
    };
    checked("links of the book", links::broken(&built)?);
    checked("pages in a browser", pages::problems(&built)?);
    Ok(tally)
}

/// What may be skipped is listed in the repository, with the reason. In CI a skip that is not listed is a failure: a test
/// that nobody runs proves nothing.
fn forgive_known_skips(root: &Path, all: &mut Tally) -> Result<()> {
    if std::env::var_os("CI").is_none() {
        return Ok(());
    }
    let path = root.join(".ci/allowed-skips");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let allowed: BTreeSet<&str> = text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    let unknown = all.skipped.iter().filter(|(name, _)| !allowed.contains(name.as_str()));
    let unknown: Vec<String> =
        unknown.map(|(name, _)| format!("{name} was skipped, and .ci/allowed-skips does not list it")).collect();
    all.failed.extend(unknown);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtests_lines_are_counted() {
        let tally = count(
            "running 2 tests\ntest a ... ok\ntest b::c ... FAILED\ntest d - should panic ... ok\ntest result: FAILED.\n",
        );
        assert_eq!((tally.passed, tally.failed), (2, vec!["b::c".to_owned()]));
    }

    #[test]
    fn skips_have_reasons() {
        assert_eq!(read_skips("a\tno root\tsudo\nbroken\n"), [("a".into(), "no root (sudo)".into())]);
    }
}
