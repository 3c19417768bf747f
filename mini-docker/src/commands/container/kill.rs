//! `kill`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::each;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "kill",
    aliases: &[],
    about: "Send a signal to containers, which ends them unless another one is named",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which signal, by name or number; KILL without it.
    #[arg(short, long, value_name = "SIGNAL", default_value = "", hide_default_value = true)]
    signal: String,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let engine = context.open()?;
    each(&args.containers, |name| engine.kill(name, &args.signal))
}
