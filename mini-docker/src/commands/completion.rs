//! `completion`.

use clap::{ArgMatches, Args as _};
use clap_complete::Shell;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::{outcome, program};

pub(crate) const ENTRY: Entry = Entry {
    name: "completion",
    aliases: &[],
    about: "Print a completion script for a shell",
    usage: "[OPTIONS] SHELL",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let own = match args.shell {
        Shell::Bash => include_str!("completion/bash.sh"),
        Shell::Zsh => include_str!("completion/zsh.sh"),
        Shell::Fish => include_str!("completion/fish.sh"),
        shell => {
            // These know commands and flags; they do not ask, and so know no names.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut (context.reference)(), program::name(), &mut script);
            outcome::print(String::from_utf8_lossy(&script))?;
            return Ok(0);
        }
    };
    let name = program::name();
    outcome::print(own.replace("mini_docker", &name.replace('-', "_")).replace("mini-docker", name))?;
    Ok(0)
}
