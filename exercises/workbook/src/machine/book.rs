//! `cargo wb book`: mdBook on our book, with whatever arguments; `build` if there are none.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::packages;
use crate::workspace::Workspace;

/// `cargo wb book`, `cargo wb book serve --open`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mdbook = packages::mdbook(workspace.root())?;
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("build", &[][..]),
    };
    let status = Command::new(mdbook).arg(command).arg(workspace.root().join("book")).args(rest).status();
    let status = status.context("run mdbook")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
