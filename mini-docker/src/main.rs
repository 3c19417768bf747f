//! `mini-docker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mini_docker::cli::main()
}
