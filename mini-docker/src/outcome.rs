//! How a command ends: `Error:` and a hint on standard error, and docker's exit codes.

use std::process::ExitCode;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use process::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Prints the failure; its code is the command's.
pub fn failure(failure: &Failure) -> ExitCode {
    eprintln!("{ERROR}Error:{ERROR:#} {}", failure.message);
    if let Some(hint) = &failure.hint {
        eprintln!("{HINT}hint:{HINT:#} {hint}");
    }
    ExitCode::from(failure.exit_code())
}

/// Prints what clap has to say: help and version go to standard output and are no failure; a wrong command line leaves
/// with `code`.
pub fn usage(error: &clap::Error, code: u8) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(code) } else { ExitCode::SUCCESS }
}
