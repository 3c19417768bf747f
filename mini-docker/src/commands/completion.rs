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
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut (context.reference)(), program::name(), &mut script);
    outcome::print(String::from_utf8_lossy(&script))?;
    Ok(0)
}
