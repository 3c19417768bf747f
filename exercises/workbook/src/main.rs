//! `cargo wb`: gives out the exercises, judges them, and sets up the machine they run on.

mod cli;
mod machine;
mod vm;

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
