//! `mini-docker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mini_docker::outcome::guard(mini_docker::cli::main)
}
