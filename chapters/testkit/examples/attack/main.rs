//! What somebody would try in a container, and harmless where it succeeds: files are opened and not written, requests are
//! such that the kernel refuses them after it has looked who asks, and whatever is made is taken away again.
//!
//! `attack all FACT=VALUE…` tries everything and prints a line for each: its name, `won` or `lost`, and why. The facts are
//! what an attacker could find out or guess. `attack --list` names them. The rest of the commands are the other side, and
//! stand in `host`.

mod files;
mod host;
mod kernel;
mod processes;
mod resources;
mod system;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};

/// What an attacker knows of the host.
#[derive(Debug, Default)]
struct Facts(BTreeMap<String, String>);

impl Facts {
    fn read(words: &[String]) -> Self {
        Self(words.iter().filter_map(|word| word.split_once('=')).map(|(a, b)| (a.into(), b.into())).collect())
    }

    fn get(&self, name: &str) -> Result<&str, Lost> {
        self.0.get(name).map(String::as_str).ok_or_else(|| Lost(format!("{name} is not known")))
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Result<N, Lost> {
        self.get(name)?.parse().map_err(|_| Lost(format!("{name} is no number")))
    }
}

/// Why an attack failed.
#[derive(Debug)]
struct Lost(String);

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        Self(format!("{errno:?}"))
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Self(error.to_string()), |number| Errno::from_raw(number).into())
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What was won, in a few words.
type Outcome = Result<String, Lost>;

type Attack = fn(&Facts) -> Outcome;

const ATTACKS: [(&str, Attack); 26] = [
    ("binary", files::replace_the_runtime),
    ("descriptor", files::leave_by_a_descriptor),
    ("signal", processes::stop_a_process),
    ("hostname", kernel::name_the_host),
    ("memory-segment", processes::attach_to_shared_memory),
    ("socket", processes::call_an_abstract_socket),
    ("list", processes::find_a_process),
    ("environment", processes::read_an_environment),
    ("setns", processes::enter_a_namespace),
    ("file", files::read_by_path),
    ("chroot", files::leave_by_chroot),
    ("parameter", files::open_core_pattern),
    ("fork", resources::start_processes),
    ("memory", resources::take_memory),
    ("device", files::open_a_device),
    ("release-agent", resources::open_release_agent),
    ("fresh-proc", files::open_core_pattern_in_a_new_proc),
    ("own-limit", resources::open_own_limit),
    ("handle", files::open_by_handle),
    ("user-namespace", processes::make_a_user_namespace),
    ("clock", kernel::adjust_the_clock),
    ("log", kernel::read_the_log),
    ("keyring", kernel::read_a_key),
    ("bpf", kernel::list_bpf_programs),
    ("io-uring", kernel::set_up_io_uring),
    ("terminal", kernel::type_into_the_terminal),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = words.split_first() else {
        eprintln!("usage: attack all FACT=VALUE… | --list");
        return ExitCode::FAILURE;
    };
    let done = match command.as_str() {
        "all" => try_all(&Facts::read(rest)),
        "--list" => {
            for (name, _) in ATTACKS {
                println!("{name}");
            }
            Ok(())
        }
        "reopen" => {
            report("binary", &files::reopen_what_executed_us());
            Ok(())
        }
        _ => host::run(command, rest),
    };
    if let Err(error) = done {
        eprintln!("attack: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Each in a process of its own, so that none changes what the next one finds, or ends all.
fn try_all(facts: &Facts) -> io::Result<()> {
    for (name, attack) in ATTACKS {
        let child = system::fork(|| {
            system::end_after_seconds(20);
            report(name, &attack(facts));
        })?;
        if let WaitStatus::Signaled(_, signal, _) = waitpid(child, None)? {
            report(name, &Err(Lost(format!("killed by {signal}"))));
        }
    }
    Ok(())
}

/// In one piece: a process that is killed must not leave half a line.
fn report(name: &str, outcome: &Outcome) {
    let line = match outcome {
        Ok(why) => format!("{name}\twon\t{why}\n"),
        Err(why) => format!("{name}\tlost\t{why}\n"),
    };
    let _ = io::Write::write_all(&mut io::stdout(), line.as_bytes());
}
