//! `rename`.

use clap::{ArgMatches, Args as _};
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "rename",
    aliases: &[],
    about: "Give a container another name",
    usage: "CONTAINER NEW_NAME",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
    /// The other one.
    #[arg(value_name = "NEW_NAME", hide = true)]
    new: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { container, new } = of(matches)?;
    let (old, new) = (container.trim(), new.trim());
    if old.is_empty() || new.is_empty() {
        return Err(Failure::new(FailureKind::Invalid, "Neither old nor new names may be empty"));
    }
    context.open()?.rename(old, new).map_err(|failure| {
        outcome::report(&failure);
        Failure::new(failure.kind, format!("failed to rename container named {old}"))
    })?;
    Ok(0)
}
