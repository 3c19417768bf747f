//! `image prune`.

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};
use crate::commands::prune::{confirmed, report};
use crate::commands::registry::link;
use crate::commands::registry::transfer::Transfer;
use crate::flags::values;

pub(crate) const ENTRY: Entry = Entry {
    name: "prune",
    aliases: &[],
    about: "Remove images that nobody uses",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// All that no container was made of, not only those without a name.
    #[arg(short, long)]
    all: bool,
    /// Not images, but the packed layers that their registry still has: fetched again when needed.
    #[arg(long)]
    blobs: bool,
    /// Only those that fit: until=10m, label=NAME, label!=NAME, dangling=false.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    force: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let other = [("all", args.all), ("filter", !args.filter.is_empty())].into_iter().find(|(_, given)| *given);
    if let Some((other, _)) = other.filter(|_| args.blobs) {
        let message = format!("conflicting options: cannot specify both --blobs and --{other}");
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    let question = if args.blobs {
        "This will remove the packed layers that the registry they came from still has. (Images stay as they are.)"
    } else if args.all {
        "This will remove all images without at least one container associated to them."
    } else {
        "This will remove all dangling images."
    };
    if !args.force && !args.dry_run && !confirmed(question)? {
        return Ok(0);
    }
    if args.blobs {
        let transfer = Transfer::new(true);
        let client = link::client(context, &transfer)?;
        let pruned = context.open()?.prune_blobs(&client, args.dry_run)?;
        report(&pruned, args.dry_run)?;
        return Ok(0);
    }
    let pruned = context.open()?.prune_unused_images(&args.filter.into_iter().collect(), args.all, args.dry_run)?;
    report(&pruned, args.dry_run)?;
    Ok(0)
}
