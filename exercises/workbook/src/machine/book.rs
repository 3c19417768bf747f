//! `cargo wb book`: mdBook on our book, with whatever arguments; `build` if there are none.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// `cargo wb book`, `cargo wb book serve --open`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut mdbook = command(workspace.root())?;
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("build", &[][..]),
    };
    let status = mdbook.arg(command).arg(workspace.root().join("book")).args(rest).status();
    let status = status.context("run mdbook")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// mdBook, told that this very program prepares its pages: `book.toml` names `cargo wb`, which would look first whether
/// there is something to build.
pub fn command(root: &Path) -> Result<Command> {
    let mut command = Command::new(mdbook(root)?);
    let runner = env::current_exe().context("find the runner's own program")?;
    // In a string for mdbook, which takes it apart as a shell would.
    let runner = runner.display().to_string().replace('\'', r"'\''");
    command.env("MDBOOK_PREPROCESSOR__WORKBOOK__COMMAND", format!("'{runner}' book-pages"));
    Ok(command)
}

/// The version that the book is written for.
const MDBOOK: &str = "0.5.4";

/// mdBook: the one on `PATH` if it is of the right line, else one of our own below `target/tools`.
fn mdbook(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target/tools");
    let own = tools.join("bin/mdbook");
    for candidate in [PathBuf::from("mdbook"), own.clone()] {
        let output = Command::new(&candidate).arg("--version").output();
        if output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(" v0.5.")) {
            return Ok(candidate);
        }
    }
    println!("installing mdbook {MDBOOK} into {}", tools.display());
    let status = Command::new("cargo")
        .args(["install", "mdbook", "--version", MDBOOK, "--locked", "--quiet", "--root"])
        .arg(&tools)
        // It is compiled in half the time, and a book of this size takes it a second either way.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .status()
        .context("run cargo install mdbook")?;
    if status.success() { Ok(own) } else { bail!("cargo install mdbook failed: {status}") }
}
