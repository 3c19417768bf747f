//! `pull`.

use clap::{ArgMatches, Args as _};
use engine::Engine;
use images::{Platform, Reference};
use process::{Failure, FailureKind};
use registry::Client;

use super::link;
use super::transfer::Transfer;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::image::wanted_platform;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "pull",
    aliases: &[],
    about: "Download an image from a registry",
    usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
    flags: Args::augment_args,
    run,
};

/// The image that a build may begin with, and that nobody has.
const NOTHING: &str = "docker.io/library/scratch";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// All tags of the repository.
    #[arg(short, long)]
    all_tags: bool,
    /// For this platform, and not for ours.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
    /// Only the name.
    #[arg(short, long)]
    quiet: bool,
    /// For another command, which will go on.
    #[arg(long, hide = true)]
    no_name: bool,
    /// The image.
    #[arg(value_name = "NAME", hide = true)]
    name: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let tagged = link::has_tag(&args.name);
    if args.all_tags && tagged {
        return Err(Failure::new(FailureKind::Invalid, "tag can't be used with --all-tags/-a"));
    }
    let reference: Reference = args.name.parse()?;
    let platform = wanted_platform(args.platform);
    let platform = platform.map_or_else(|| Ok(Platform::host()), |platform| platform.parse())?;
    let transfer = Transfer::new(args.quiet);
    let client = link::client(context, &transfer)?;
    let engine = context.open()?;
    let pull = Pull { engine: &engine, client: &client, platform };
    if args.all_tags {
        let tags = client.registry(reference.domain())?.tags(reference.path())?;
        let name = reference.name();
        for tag in tags {
            // What a registry calls a tag may be none.
            pull.one(&format!("{name}:{tag}").parse()?, args.quiet)?;
        }
        return outcome::print(format_args!("{name}\n")).map(|()| 0);
    }
    if !tagged && !args.quiet && !args.no_name {
        outcome::print("Using default tag: latest\n")?;
    }
    if reference.name() == NOTHING {
        return Err(Failure::new(FailureKind::Invalid, "'scratch' is a reserved name"));
    }
    pull.one(&reference, args.quiet)?;
    if !args.no_name {
        outcome::print(format_args!("{reference}\n"))?;
    }
    Ok(0)
}

struct Pull<'a> {
    engine: &'a Engine,
    client: &'a Client<'a>,
    platform: Platform,
}

impl Pull<'_> {
    fn one(&self, reference: &Reference, quiet: bool) -> Result<(), Failure> {
        let pulled = self.engine.pull_image(self.client, reference, &self.platform)?;
        if quiet {
            return Ok(());
        }
        let status = if pulled.new { "Downloaded newer image for" } else { "Image is up to date for" };
        outcome::print(format_args!("Digest: {}\nStatus: {status} {}\n", pulled.digest, reference.familiar()))
    }
}
