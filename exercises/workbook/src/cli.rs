//! The command line: what can be typed, and which module does it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands::{check, dev, diff, hint, init, list, reset, solution, watch};
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
    /// Make a directory of your own, with the exercises in it.
    Init {
        /// A directory that does not exist yet, outside of this one.
        dir: PathBuf,
    },
    /// Judge an exercise; without a name, the first that is not passed.
    Check {
        /// Such as ch02-namespaces/enter-uts, ch02/enter-uts or enter-uts.
        id: Option<String>,
    },
    /// Judge the current exercise again whenever a file changes.
    Watch,
    /// Give a hint; each call gives the next of three.
    Hint {
        /// The exercise; without a name, the first that is not passed.
        id: Option<String>,
        /// Give this one.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
        level: Option<u8>,
    },
    /// Show what you wrote; after a pass, how ours differs.
    Diff {
        /// The exercise.
        id: String,
    },
    /// Show our answer, after a pass.
    Solution {
        /// The exercise.
        id: String,
        /// Show it before, too.
        #[arg(long)]
        give_up: bool,
    },
    /// Empty an exercise's hole again; what you wrote is kept.
    Reset {
        /// The exercise.
        id: String,
    },
    /// List the exercises, and how far you are.
    List,
    /// For authors of exercises.
    #[command(subcommand)]
    Dev(Dev),
    /// Check the machine, and say how to get what is missing.
    Doctor,
    /// Set up the machine, build mini-docker and run a first container.
    Try,
    /// Run everything that must be green: format, lints, tests, exercises, book.
    Test {
        /// Only these; nothing means all.
        #[arg(value_enum)]
        stages: Vec<machine::test::Stage>,
    },
    /// Build or serve the book.
    Book {
        /// A command of mdbook and its options, such as `serve --open`; nothing builds it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure what each step costs, and mini-docker beside its peers.
    Bench {
        /// Only the comparison with the peers.
        #[arg(long)]
        peers: bool,
        /// How often each of them runs.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
        /// Put the tables into benches/README.md.
        #[arg(long)]
        write: bool,
    },
    /// Run the kernel tests in a guest with cgroup v2.
    Vm {
        /// Names of tests, `-p PACKAGE` for one chapter, or `--shell` for a look around.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Dev {
    /// Prove that every exercise works: empty, solved, and with each known mistake; and that the book agrees.
    Check {
        /// Exercises or chapters; nothing means all.
        ids: Vec<String>,
        /// Only prove that the empty holes fail as they should.
        #[arg(long)]
        only_starters: bool,
        /// Write down what is said about the mistakes now.
        #[arg(long)]
        bless: bool,
    },
    /// Begin an exercise.
    New {
        /// Chapter and name: chNN-name/ID.
        id: String,
    },
    /// Write the parts of the book that are made from other files.
    Generate,
}

/// Reads the command line and does what it says.
pub(crate) fn dispatch() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Init { dir } => init::run(&dir),
        Command::Check { id } => check::run(id.as_deref()),
        Command::Watch => watch::run(),
        Command::Hint { id, level } => hint::run(id.as_deref(), level),
        Command::Diff { id } => diff::run(&id),
        Command::Solution { id, give_up } => solution::run(&id, give_up),
        Command::Reset { id } => reset::run(&id),
        Command::List => list::run(),
        Command::Dev(Dev::Check { ids, only_starters, bless }) => {
            dev::check::run(&ids, dev::check::Options { only_starters, bless })
        }
        Command::Dev(Dev::New { id }) => dev::new::run(&id),
        Command::Dev(Dev::Generate) => dev::generate::run(),
        Command::Doctor => Ok(machine::doctor::run()),
        Command::Try => machine::try_it::run(),
        Command::Test { stages } => machine::test::run(&stages),
        Command::Book { args } => machine::book::run(&args),
        Command::Bench { peers, rounds, write } => {
            machine::bench::run(machine::bench::Options { peers, rounds: rounds.into(), write })
        }
        Command::Vm { args } => vm::run(&args),
    }
}
