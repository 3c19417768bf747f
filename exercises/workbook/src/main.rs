//! `cargo wb` in a learner's directory.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use workbook::Workspace;

/// The workbook's runner: exercises, and the machine they run on.
#[derive(Parser)]
#[command(name = "cargo wb", bin_name = "cargo wb", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Workbook(workbook::Command),
    #[command(name = "try", aliases = ["test", "bench", "vm", "pages"], hide = true)]
    Maintain {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        _args: Vec<String>,
    },
}

fn main() -> ExitCode {
    workbook::conclude(match Cli::parse().command {
        Command::Workbook(command) => command.run(),
        Command::Maintain { .. } => refuse(),
    })
}

/// Whoever read about these commands finds them in the original.
fn refuse() -> Result<ExitCode> {
    Workspace::find()?.require_origin()?;
    bail!("this command is not in the learner's runner\nhint: type it with `cargo wb`")
}
