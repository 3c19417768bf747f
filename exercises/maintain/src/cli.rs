//! The command line: the workbook's commands and ours.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bench::Part;
use crate::{bench, screenshots, test, try_it, vm};

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
    /// Set up the machine, build mini-docker and run a first container.
    Try,
    /// Run everything that must be green: format, lints, tests, exercises, book.
    Test {
        /// Only these; nothing means all.
        #[arg(value_enum)]
        stages: Vec<test::Stage>,
    },
    /// Measure what each step costs, and mini-docker beside its peers.
    Bench {
        /// Only the comparison with the peers.
        #[arg(long)]
        peers: bool,
        /// Only what a writer on the same disk does to us.
        #[arg(long)]
        load: bool,
        /// Only what comes after `run`: exec, many at once, what is printed, the shim.
        #[arg(long)]
        life: bool,
        /// Only images on their way: pull, load, save, and the list of them.
        #[arg(long)]
        images: bool,
        /// How often each of them runs.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
        /// Put the tables into benches/README.md.
        #[arg(long)]
        write: bool,
    },
    /// Take pictures of the book's pages, and say what is wrong with them.
    Pages {
        /// Such as ch02 or setup; nothing means all.
        pages: Vec<String>,
        /// Only say what is wrong.
        #[arg(long)]
        no_pictures: bool,
    },
    /// Run the kernel tests in a guest with cgroup v2.
    Vm {
        /// Names of tests, `-p PACKAGE` for one chapter, or `--shell` for a look around.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// Reads the command line and does what it says.
pub(crate) fn dispatch() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Workbook(command) => command.run(),
        Command::Try => try_it::run(),
        Command::Test { stages } => test::run(&stages),
        Command::Bench { peers, load, life, images, rounds, write } => {
            let asked = [(peers, Part::Peers), (load, Part::Load), (life, Part::Life), (images, Part::Images)];
            let mut parts: Vec<Part> = asked.into_iter().filter_map(|(asked, part)| asked.then_some(part)).collect();
            if parts.is_empty() {
                parts = vec![Part::Prices, Part::Peers, Part::Load, Part::Life, Part::Images];
            }
            bench::run(&bench::Options { parts, rounds: rounds.into(), write })
        }
        Command::Pages { pages, no_pictures } => screenshots::run(&pages, !no_pictures),
        Command::Vm { args } => vm::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_help_names_the_workbooks_commands_and_ours() {
        insta::assert_snapshot!(Cli::command().term_width(100).render_help());
    }
}
