//! How a command ends: `Error:` and a hint on standard error, and docker's exit codes. And how it prints: `println!`
//! panics where nothing can be written.

use std::fmt::Display;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use nix::errno::Errno;
use process::Failure;
use process::relay::RelayError;

use crate::program;
use crate::visible::visible_lines;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Prints the failure, and ends with `code`.
pub fn failure(failure: &Failure, code: u8) -> ExitCode {
    report(failure);
    ExitCode::from(code)
}

/// Prints the failure.
pub fn report(failure: &Failure) {
    // Registries, archives and images have a word in it.
    complain(format_args!("{ERROR}Error:{ERROR:#} {}\n", visible_lines(&failure.message)));
    if let Some(hint) = &failure.hint {
        // The chapters know one name of ours.
        let hint = hint.replace(program::OWN, program::name());
        complain(format_args!("{HINT}hint:{HINT:#} {}\n", visible_lines(&hint)));
    }
}

/// Runs the command. A panic is a failure of the engine, and ends as one; where it is the `todo!` that a learner has not
/// filled in yet, that is what is said.
pub fn guard(main: fn() -> ExitCode) -> ExitCode {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| match info.payload_as_str().and_then(open_exercise) {
        Some(open) => complain(format_args!("{ERROR}Error:{ERROR:#} {open}\n")),
        None => usual(info),
    }));
    panic::catch_unwind(main).unwrap_or_else(|_| ExitCode::from(process::ENGINE_FAILED))
}

/// `exercise ch01-process/clone is still open`, of the message of its `todo!`.
fn open_exercise(message: &str) -> Option<&str> {
    const END: &str = " is still open";
    let text = message.strip_prefix("not yet implemented: ").filter(|text| text.starts_with("exercise "))?;
    text.find(END).map(|end| &text[..end + END.len()])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_exercise_is_told_from_other_panics() {
        let open = "not yet implemented: exercise ch01-process/clone is still open: Call clone3.";
        assert_eq!(open_exercise(open), Some("exercise ch01-process/clone is still open"));
        assert_eq!(open_exercise("not yet implemented: later"), None);
        assert_eq!(open_exercise("exercise ch01-process/clone is still open"), None);
    }
}
