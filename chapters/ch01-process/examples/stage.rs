//! The container as far as chapter 1 goes: a process of our own making that becomes another program. Nothing is
//! isolated yet.
//!
//! `stage COMMAND [ARGS…]`

use std::ffi::OsString;
use std::process::ExitCode;

use process::{DEFAULT_PATH, ExitStatus, Failure, Program, Spawn, own_binary};

fn main() -> ExitCode {
    let command: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&command) {
        Ok(status) => ExitCode::from(status.code()),
        Err(failure) => {
            eprintln!("Error: {failure}");
            if let Some(hint) = &failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

// ANCHOR: run
fn run(command: &[OsString]) -> Result<ExitStatus, Failure> {
    own_binary::protect()?;
    // The program gets the environment that we give it, and nothing of our own.
    let environment = [format!("PATH={DEFAULT_PATH}"), "HOME=/root".into(), "TERM=xterm".into()];
    let program = Program::new(command, &environment)?;
    let pending = Spawn::new().start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        Ok(program.exec(gate)?)
    })?;
    let mut child = pending.release()?;
    Ok(child.wait()?)
}
// ANCHOR_END: run
