//! `rm`.

use clap::{ArgMatches, Args as _};
use process::{Failure, FailureKind};

use super::each::at_once;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "rm",
    aliases: &["remove"],
    about: "Remove containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kill those that run; those that are not there are no error.
    #[arg(short, long)]
    force: bool,
    /// Remove a link; there are none.
    #[arg(short, long, hide = true)]
    link: bool,
    /// Remove their anonymous volumes, too.
    #[arg(short, long)]
    volumes: bool,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    if args.link {
        return Err(Failure::new(FailureKind::Unsupported, "--link is not supported: there are no links"));
    }
    let engine = context.open()?;
    if args.containers.iter().any(|name| name.trim_matches('/').is_empty()) {
        return Err(Failure::new(FailureKind::Invalid, "container name cannot be empty"));
    }
    let name_of = |name: &str| name.trim_matches('/').to_owned();
    if !args.force {
        return at_once(&args.containers, |name| engine.remove(&name_of(name), false));
    }
    // Docker says that there is none, and is content.
    let mut found = Vec::new();
    for name in args.containers {
        match engine.find(&name_of(&name)) {
            Err(failure) if failure.kind == FailureKind::NotFound => outcome::report(&failure),
            _ => found.push(name),
        }
    }
    at_once(&found, |name| engine.remove(&name_of(name), true))
}
