//! The container as far as chapter 2 goes: a process with a host name, a network, process ids and IPC objects of its
//! own. It still sees the host's files.
//!
//! `stage COMMAND [ARGS…]`

use std::ffi::OsString;
use std::process::ExitCode;

use namespaces::{IdMap, Kind, Namespaces, become_root, enter_uts, loopback_up, write_maps};
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};
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
    let mut plan = Namespaces::docker_default();
    if !geteuid().is_root() {
        // What only root may do, an ordinary user may do as root of a user namespace.
        plan = plan.with_new(Kind::User);
    }
    // ANCHOR: spawn
    // The namespace of the host name is made inside, where it gets its name.
    let spawn = Spawn::new().namespaces(plan.clone_flags() - CloneFlags::CLONE_NEWUTS);
    let pending = spawn.start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        if plan.is_new(Kind::User) {
            become_root()?;
        }
        enter_uts("inside")?;
        loopback_up()?;
        Ok(program.exec(gate)?)
    })?;
    // ANCHOR_END: spawn
    if plan.is_new(Kind::User) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        write_maps(pending.pid(), &IdMap::single(0, user), &IdMap::single(0, group))?;
    }
    let mut child = pending.release()?;
    Ok(child.wait()?)
}
// ANCHOR_END: run
