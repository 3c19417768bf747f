//! `image prune`.

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::commands::prune::{confirmed, report};
use crate::flags::values;

pub(crate) const ENTRY: Entry = Entry {
    name: "prune",
    aliases: &[],
    about: "Remove images that nobody uses",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// All that no container was made of, not only those without a name.
    #[arg(short, long)]
    all: bool,
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
    let question = if args.all {
        "This will remove all images without at least one container associated to them."
    } else {
        "This will remove all dangling images."
    };
    if !args.force && !args.dry_run && !confirmed(question)? {
        return Ok(0);
    }
    let pruned = context.open()?.prune_unused_images(&args.filter.into_iter().collect(), args.all, args.dry_run)?;
    report(&pruned, args.dry_run)?;
    Ok(0)
}
