//! Where `cargo wb` begins: builds the runner, lets cargo speak while that goes on, and becomes the runner.
//!
//! The alias runs this package with `--quiet`, or cargo would speak each time. It has no dependencies, so that it is built in
//! a moment; the runner has many, and a silence of a minute looks like a hang.

use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    match build() {
        Ok(runner) => {
            let error = Command::new(&runner).args(env::args_os().skip(1)).exec();
            eprintln!("Error: run {}: {error}", runner.display());
        }
        Err(error) => eprintln!("Error: {error}"),
    }
    ExitCode::FAILURE
}

/// Builds the runner, and says where it is.
fn build() -> Result<PathBuf, String> {
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("only cargo can start this\nhint: type: cargo wb")?;
    let exercises = PathBuf::from(here).with_file_name("");
    // A learner's directory has only the learner's commands.
    let package = if exercises.join("maintain").is_dir() { "maintain" } else { "workbook" };
    let mut child = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--package", package, "--bin", package])
        .current_dir(&exercises)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("run cargo: {error}"))?;
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')).flatten() {
        let line = String::from_utf8_lossy(&line);
        if is_news(&line) {
            eprintln!("{line}");
        }
    }
    match child.wait() {
        Ok(status) if status.success() => {
            let own = env::current_exe().map_err(|error| format!("find the runner: {error}"))?;
            Ok(own.with_file_name(package))
        }
        Ok(_) => Err("the runner does not build".into()),
        Err(error) => Err(format!("wait for cargo: {error}")),
    }
}

/// Everything but the line that comes each time: ``Finished `dev` profile […] target(s) in 0.05s``.
fn is_news(line: &str) -> bool {
    !line.trim_start().starts_with("Finished ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_said_and_that_nothing_is_is_not() {
        assert!(is_news("   Compiling workbook v0.1.0 (/w/exercises/workbook)"));
        assert!(is_news("error[E0308]: mismatched types"));
        assert!(!is_news("    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.05s"));
    }
}
