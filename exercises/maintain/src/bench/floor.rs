//! The least that a container costs: a static C program, compiled when it is measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::measure::Candidate;

/// Its name in the table.
pub(crate) const NAME: &str = "the floor, in C";
/// What it does stands at its top.
const SOURCE: &str = include_str!("floor.c");

/// Compiles it in `scratch`, to run `true` in an overlay on `rootfs`.
pub(crate) fn candidate(scratch: &Path, rootfs: &Path, plan: &str) -> Result<Candidate> {
    let directory = scratch.join("floor");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let (source, program, list) = (directory.join("floor.c"), directory.join("floor"), directory.join("plan"));
    fs::write(&source, SOURCE).with_context(|| format!("write {}", source.display()))?;
    fs::write(&list, plan).with_context(|| format!("write {}", list.display()))?;
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-static", "-o"]).args([&program, &source]).stdin(Stdio::null());
    let output = compiler.output().context("run cc")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("cc: {}", text.lines().rfind(|line| !line.is_empty()).unwrap_or("it says nothing"));
    }
    let words = [&program, &list, rootfs, &directory].map(|path: &Path| path.display().to_string());
    let words = words.into_iter().chain(["/bin/true".into()]).collect();
    Ok(Candidate { name: NAME, steps: vec![words], env: Vec::new(), before: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_compiles_without_a_warning() {
        let room = tempfile::tempdir().expect("a directory");
        let source = room.path().join("floor.c");
        fs::write(&source, SOURCE).expect("a file");
        let flags = ["-Wall", "-Wextra", "-Werror", "-O2", "-fsyntax-only"];
        // Without a compiler there is no floor, and Rust could not link this test either.
        let output = Command::new("cc").args(flags).arg(&source).output().expect("cc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
