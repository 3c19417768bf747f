//! `docker-init`: this binary under another name, as PID 1 of a container that was started with `--init`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use process::{Failure, Program, init};

use crate::outcome;

/// Takes over if the process was started under that name: `docker-init -- COMMAND [ARGUMENT…]`.
pub(crate) fn main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    if Path::new(&name).file_name()? != "docker-init" {
        return None;
    }
    let command: Vec<OsString> = arguments.skip_while(|argument| argument == "--").collect();
    Some(match run(&command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => outcome::failure(&failure, failure.exit_code()),
    })
}

fn run(command: &[OsString]) -> Result<u8, Failure> {
    let environment: Vec<OsString> = std::env::vars_os()
        .map(|(mut entry, value)| {
            entry.push("=");
            entry.push(value);
            entry
        })
        .collect();
    Ok(init::run(&Program::new(command, &environment)?)?.code())
}
