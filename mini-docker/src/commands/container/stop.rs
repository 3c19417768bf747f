//! `stop`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::at_once;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::values;

pub(crate) const ENTRY: Entry = Entry {
    name: "stop",
    aliases: &[],
    about: "Ask containers to end, and end them if they do not",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signal that asks, in place of the container's own.
    #[arg(short, long, value_name = "SIGNAL", default_value = "", hide_default_value = true)]
    pub(crate) signal: String,
    /// Seconds until it is killed after that; -1 for never.
    #[arg(short, long, visible_alias = "time", value_name = "SECONDS", value_parser = values::int64)]
    pub(crate) timeout: Option<i64>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    pub(crate) containers: Vec<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let engine = context.open()?;
    at_once(&args.containers, |name| engine.stop(name, &args.signal, args.timeout))
}
