//! `cargo wb`: gives out the exercises, judges them, and sets up the machine they run on.

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
mod libtest;
mod machine;
mod outcome;
mod progress;
mod render;
mod running;
mod terminal;
mod transcript;
mod tree;
mod vm;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::dispatch() {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
