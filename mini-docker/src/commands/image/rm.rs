//! `rmi`, `image rm`.

use clap::{ArgMatches, Args as _, Command};
use images::{RemoveWish, Removed};
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};
use crate::flags::refused;
use crate::outcome;

pub(crate) const RM: Entry = Entry {
    name: "rm",
    aliases: &["remove"],
    about: "Take names from images, and remove those that have none left",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    flags,
    run,
};

pub(crate) const RMI: Entry = Entry { name: "rmi", aliases: &[], ..RM };

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Though they have several names, or a stopped container.
    #[arg(short, long)]
    force: bool,
    /// Leave the nameless images that they were made from.
    #[arg(long)]
    no_prune: bool,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "IMAGE", hide = true)]
    images: Vec<String>,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::RMI)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::RMI)?;
    let (args, engine): (Args, _) = (of(matches)?, context.open()?);
    let wish = RemoveWish { force: args.force, keep_parents: args.no_prune };
    let mut code = 0;
    for name in &args.images {
        match engine.remove_image(name, wish) {
            Ok(removed) => outcome::print(removed.iter().map(said).collect::<String>())?,
            Err(failure) => {
                // With -f, who is not there is no error.
                code = code.max(u8::from(!(args.force && failure.kind == FailureKind::NotFound)));
                outcome::report(&failure);
            }
        }
    }
    Ok(code)
}

fn said(removed: &Removed) -> String {
    match removed {
        Removed::Untagged(name) => format!("Untagged: {name}\n"),
        Removed::Deleted(id) => format!("Deleted: {id}\n"),
    }
}
