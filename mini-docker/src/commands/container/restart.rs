//! `restart`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::each;
use super::stop::Args;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "restart",
    aliases: &[],
    about: "Stop containers and start them again",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let engine = context.open()?;
    // One after the other: a start makes a process, which takes a single thread.
    each(&args.containers, |name| engine.restart(name, &args.signal, args.timeout))
}
