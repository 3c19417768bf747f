//! `commit`.

use clap::{ArgMatches, Args as _};
use engine::CommitWish;
use images::Reference;
use process::Failure;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "commit",
    aliases: &[],
    about: "Make an image of a container as it is now",
    usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who makes it: a name, and an address.
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    author: String,
    /// Follow an instruction of a Dockerfile.
    #[arg(short, long, value_name = "INSTRUCTION", action = clap::ArgAction::Append)]
    change: Vec<String>,
    /// What it is.
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// Let the container stand still meanwhile.
    #[arg(
        short,
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    pause: bool,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
    /// The image's name.
    #[arg(value_name = "NAME", hide = true)]
    name: Option<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { author, change, message, pause, container, name } = of(matches)?;
    checked(&container)?;
    let reference: Option<Reference> = name.filter(|name| !name.is_empty()).map(|name| name.parse()).transpose()?;
    let wish = CommitWish { author, message, changes: change, pause };
    let image = context.open()?.commit(&container, reference.as_ref(), &wish)?;
    outcome::print(format_args!("{}\n", image.id))?;
    Ok(0)
}
