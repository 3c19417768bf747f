//! The command line: what can be typed, and which module does it.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{machine, vm};

/// The workbook's runner: exercises, and the machine they run on.
#[derive(Parser)]
#[command(name = "cargo wb", bin_name = "cargo wb", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the machine, and say how to get what is missing.
    Doctor,
    /// Set up the machine, build mini-docker and run a first container.
    Try,
    /// Run everything that must be green: format, lints, tests, exercises, book.
    Test,
    /// Build or serve the book.
    Book {
        /// What to do with it; nothing builds it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure mini-docker against its peers.
    Bench,
    /// Boot the guest with cgroup v2, and run a command in it.
    Vm {
        /// The command; nothing gives a shell.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// Reads the command line and does what it says.
pub(crate) fn dispatch() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Doctor => machine::doctor::run(),
        Command::Try => machine::try_it::run(),
        Command::Test => machine::test::run(),
        Command::Book { args } => machine::book::run(&args),
        Command::Bench => machine::bench::run(),
        Command::Vm { args } => vm::run(&args),
    }
}
