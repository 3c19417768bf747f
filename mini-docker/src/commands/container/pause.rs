//! `pause`, `unpause`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::each;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const PAUSE: Entry = Entry {
    name: "pause",
    aliases: &[],
    about: "Make everything in containers stand still",
    usage: "CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run: |matches, context| run(matches, context, engine::Engine::pause),
};

pub(crate) const UNPAUSE: Entry = Entry {
    name: "unpause",
    about: "Let paused containers go on",
    run: |matches, context| run(matches, context, engine::Engine::unpause),
    ..PAUSE
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn run(
    matches: &ArgMatches,
    context: &Context,
    work: fn(&engine::Engine, &str) -> Result<(), Failure>,
) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let engine = context.open()?;
    each(&args.containers, |name| work(&engine, name))
}
