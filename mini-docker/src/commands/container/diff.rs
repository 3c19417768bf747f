//! `diff`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "diff",
    aliases: &[],
    about: "Show which files of its image a container has changed",
    usage: "CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { container } = of(matches)?;
    checked(&container)?;
    let changes = context.open()?.diff(&container)?;
    outcome::print(changes.iter().fold(String::new(), |text, change| text + &format!("{change}\n")))?;
    Ok(0)
}
