//! `system prune`.

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::commands::prune::{confirmed, report};
use crate::flags::values;

pub(crate) const ENTRY: Entry = Entry {
    name: "prune",
    aliases: &[],
    about: "Remove what nobody uses: containers that do not run, images without a name",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Images that no container was made of, too.
    #[arg(short, long)]
    all: bool,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only those that fit: until=10m, label=NAME, label!=NAME.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// Do not ask.
    #[arg(short, long)]
    force: bool,
    /// Anonymous volumes, too: there are none.
    #[arg(long)]
    volumes: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    if !args.force && !args.dry_run && !confirmed(&question(&args.filter, args.all))? {
        return Ok(0);
    }
    let engine = context.open()?;
    let filters = args.filter.into_iter().collect();
    let mut pruned = engine.prune_containers(&filters, args.dry_run)?;
    let images = engine.prune_unused_images(&filters, args.all, args.dry_run)?;
    pruned.images = images.images;
    pruned.bytes += images.bytes;
    report(&pruned, args.dry_run)?;
    Ok(0)
}

/// Docker's words, for what there is.
fn question(filters: &[Filter], all: bool) -> String {
    let images =
        if all { "all images without at least one container associated to them" } else { "all dangling images" };
    let mut text = format!("This will remove:\n  - all stopped containers\n  - {images}\n");
    if !filters.is_empty() {
        text += "\n  Items to be pruned will be filtered with:\n";
        for filter in filters {
            text = text + "  - " + &filter.to_string() + "\n";
        }
    }
    text
}
