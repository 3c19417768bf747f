//! `push`.

use clap::{ArgMatches, Args as _};
use images::Reference;
use process::{Failure, FailureKind};

use super::link;
use super::transfer::Transfer;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "push",
    aliases: &[],
    about: "Upload an image to a registry",
    usage: "[OPTIONS] NAME[:TAG]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// All tags that the repository has here.
    #[arg(short, long)]
    all_tags: bool,
    /// Only the name.
    #[arg(short, long)]
    quiet: bool,
    /// The image.
    #[arg(value_name = "NAME", hide = true)]
    name: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let reference: Reference = args.name.parse()?;
    let invalid = |message: &str| Err(Failure::new(FailureKind::Invalid, message));
    if reference.digest().is_some() {
        return invalid("cannot push a digest reference");
    }
    let tagged = link::has_tag(&args.name);
    if args.all_tags && tagged {
        return invalid("tag can't be used with --all-tags/-a");
    }
    let transfer = Transfer::new(args.quiet);
    let client = link::client(context, &transfer)?;
    let engine = context.open()?;
    let name = reference.name();
    let wanted = if args.all_tags { engine.tags_of(&reference)? } else { vec![reference] };
    if wanted.is_empty() {
        let message = format!("An image does not exist locally with the tag: {name}");
        return Err(Failure::new(FailureKind::NotFound, message));
    }
    if !args.quiet {
        if !tagged && !args.all_tags {
            outcome::print("Using default tag: latest\n")?;
        }
        outcome::print(format_args!("The push refers to repository [{name}]\n"))?;
    }
    for reference in wanted {
        let pushed = engine.push_image(&client, &reference)?;
        if args.quiet {
            outcome::print(format_args!("{reference}\n"))?;
        } else {
            let tag = reference.tag().unwrap_or_default();
            outcome::print(format_args!("{tag}: digest: {} size: {}\n", pushed.digest, pushed.size))?;
        }
    }
    Ok(0)
}
