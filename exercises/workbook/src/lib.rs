//! The workbook's runner: gives out the exercises, judges them, and looks at the machine they run on.
//!
//! A library, because there are two programs: a learner's `cargo wb`, and that of the original, which has the maintainers'
//! tools too (`exercises/maintain`).

mod book;
mod build;
mod catalogue;
mod changes;
mod cli;
mod commands;
mod exercise;
mod fill;
mod hints;
mod hole;
mod judge;
mod keys;
mod learner;
pub mod libtest;
pub mod machine;
mod mutate;
mod outcome;
mod ownership;
mod panics;
mod passes;
mod processes;
mod progress;
mod render;
mod running;
mod terminal;
mod transcript;
mod tree;
mod workspace;

use std::process::ExitCode;

pub use cli::Command;
pub use commands::dev::{check, mutants};
pub use workspace::Workspace;

/// Prints what went wrong, if anything did.
pub fn conclude(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        anstream::eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}
