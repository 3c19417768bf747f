//! How a command ends: `Error:` and a hint on standard error, and docker's exit codes. And how it prints: `println!`
//! panics where nothing can be written.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use nix::errno::Errno;
use process::Failure;
use process::relay::RelayError;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Prints the failure, and ends with `code`.
pub fn failure(failure: &Failure, code: u8) -> ExitCode {
    complain(format_args!("{ERROR}Error:{ERROR:#} {}\n", failure.message));
    if let Some(hint) = &failure.hint {
        complain(format_args!("{HINT}hint:{HINT:#} {hint}\n"));
    }
    ExitCode::from(code)
}

/// Prints on standard output. A reader that has gone has what it wanted; data that found no room is a failure.
pub fn print(text: impl Display) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
            Err(RelayError::Write { stream: "/dev/stdout", errno }.into())
        }
        _ => Ok(()),
    }
}

/// Prints on standard error. Where that fails there is nobody left to tell.
pub fn complain(text: impl Display) {
    let _ = write!(anstream::stderr(), "{text}");
}

/// Prints what clap has to say: help and version go to standard output and are no failure; a wrong command line leaves
/// with `code`.
pub fn usage(error: &clap::Error, code: u8) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(code) } else { ExitCode::SUCCESS }
}
