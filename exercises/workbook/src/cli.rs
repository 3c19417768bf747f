//! The command line: what can be typed, and which module does it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::{book_pages, check, dev, diff, hint, init, list, reset, solution, stage, watch};
use crate::machine;
use crate::ownership;

/// What can be typed.
#[derive(Debug, Subcommand)]
pub enum Command {
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
    /// Run your container, as far as a chapter goes.
    Stage {
        /// Such as ch03.
        chapter: String,
        /// What runs in it; nothing means a shell.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// PID 1 of a stage's place apart; not for people.
    #[command(hide = true)]
    StageInit {
        /// What it needs to know.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// List the exercises, and how far you are.
    List,
    /// For authors of exercises.
    #[command(subcommand)]
    Dev(Dev),
    /// Check the machine, and say how to get what is missing.
    Doctor,
    /// Build or serve the book.
    Book {
        /// A command of mdbook and its options, such as `serve --open`; nothing builds it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// What mdbook runs before it reads the pages; not for people.
    #[command(hide = true)]
    BookPages {
        /// Nothing, or `supports RENDERER`.
        words: Vec<String>,
    },
}

/// Below `cargo wb dev`.
#[derive(Debug, Subcommand)]
pub enum Dev {
    /// Prove that every exercise works: empty, solved, and with each known mistake; and that the book agrees.
    Check {
        /// Exercises or chapters; nothing means all.
        ids: Vec<String>,
        /// Only prove that the empty holes fail as they should.
        #[arg(long)]
        only_starters: bool,
        /// Only look at the book's pages; nothing is built.
        #[arg(long, conflicts_with_all = ["only_starters", "bless"])]
        only_pages: bool,
        /// Write down what is said about the mistakes now.
        #[arg(long)]
        bless: bool,
    },
    /// Make wrong answers out of ours, by the hundred, and name those that no test notices.
    Mutants {
        /// Exercises or chapters; nothing means all.
        ids: Vec<String>,
        /// Judge also where hole and tests are as they were when a verdict was written down.
        #[arg(long)]
        again: bool,
        /// Show each wrong answer, and what its author would be told.
        #[arg(long)]
        show: bool,
        /// Begin with no exercise after so many minutes.
        #[arg(long)]
        minutes: Option<u32>,
    },
    /// Begin an exercise.
    New {
        /// Chapter and name: chNN-name/ID.
        id: String,
    },
    /// Write the parts of the book that are made from other files.
    Generate,
}

impl Command {
    /// Does what was typed.
    pub fn run(self) -> Result<ExitCode> {
        let outcome = self.run_as_it_is();
        ownership::give_back();
        outcome
    }

    fn run_as_it_is(self) -> Result<ExitCode> {
        match self {
            Self::Init { dir } => init::run(&dir),
            Self::Check { id } => check::run(id.as_deref()),
            Self::Watch => watch::run(),
            Self::Hint { id, level } => hint::run(id.as_deref(), level),
            Self::Diff { id } => diff::run(&id),
            Self::Solution { id, give_up } => solution::run(&id, give_up),
            Self::Reset { id } => reset::run(&id),
            Self::Stage { chapter, command } => stage::run(&chapter, &command),
            Self::StageInit { words } => stage::become_init(&words),
            Self::List => list::run(),
            Self::Dev(Dev::Check { ids, only_starters, only_pages, bless }) => {
                let tally = dev::check::run(&ids, dev::check::Options { only_starters, only_pages, bless })?;
                Ok(if tally.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Dev(Dev::Mutants { ids, again, show, minutes }) => {
                let at_most = minutes.map(|minutes| Duration::from_mins(minutes.into()));
                dev::mutants::run(&ids, dev::mutants::Options { again, show, at_most })
            }
            Self::Dev(Dev::New { id }) => dev::new::run(&id),
            Self::Dev(Dev::Generate) => dev::generate::run(),
            Self::Doctor => machine::doctor::run(),
            Self::Book { args } => machine::book::run(&args),
            Self::BookPages { words } => book_pages::run(&words),
        }
    }
}
