//! `image ls`, `images`.

use clap::{ArgMatches, Args as _, Command};
use engine::{human_duration, human_size};
use gotmpl::tmap;
use images::Image;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::config_file::format_or;
use crate::flags::refused;
use crate::format::Table;
use crate::outcome;

pub(crate) const IMAGES: Entry =
    Entry { name: "images", aliases: &[], about: "List images", usage: "[OPTIONS] [REPOSITORY[:TAG]]", flags, run };

pub(crate) const LS: Entry = Entry { name: "ls", ..IMAGES };

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only images of this name.
    name: Option<String>,
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Print ids only.
    #[arg(short, long)]
    quiet: bool,
    /// Print whole ids.
    #[arg(long)]
    no_trunc: bool,
}

const TABLE: Table = Table {
    usual: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
    fields: &[
        ("Containers", "CONTAINERS"),
        ("CreatedAt", "CREATED AT"),
        ("CreatedSince", "CREATED"),
        ("Digest", "DIGEST"),
        ("ID", "IMAGE ID"),
        ("Repository", "REPOSITORY"),
        ("SharedSize", "SHARED SIZE"),
        ("Size", "SIZE"),
        ("Tag", "TAG"),
        ("UniqueSize", "UNIQUE SIZE"),
    ],
};

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::IMAGES)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::IMAGES)?;
    let (args, engine): (Args, _) = (of(matches)?, context.open()?);
    let mut rows = Vec::new();
    for (name, image) in engine.images()? {
        let (repository, tag) = name.as_deref().and_then(|name| name.rsplit_once(':')).unwrap_or(("<none>", "<none>"));
        if args.name.as_deref().is_some_and(|wanted| wanted != repository && Some(wanted) != name.as_deref()) {
            continue;
        }
        let id = if args.no_trunc { image.id.as_str() } else { image.short_id() };
        rows.push(tmap! {
            "Containers" => "N/A",
            "CreatedAt" => created_at(&image),
            "CreatedSince" => created_since(&image),
            "Digest" => "<none>",
            "ID" => id,
            "Repository" => repository,
            "SharedSize" => "N/A",
            "Size" => human_size(engine.image_size(&image)?),
            "Tag" => tag,
            "UniqueSize" => "N/A",
        });
    }
    let usual = if args.quiet { String::new() } else { context.config().images_format };
    let format = format_or(args.format.as_deref(), usual);
    outcome::print(TABLE.show(format.as_deref(), args.quiet, &rows)?)?;
    Ok(0)
}

fn created(image: &Image) -> Option<Timestamp> {
    image.config.created.as_ref().and_then(|text| text.parse().ok())
}

/// In Go's words, and our time zone.
fn created_at(image: &Image) -> String {
    let zoned = created(image).map(|moment| moment.to_zoned_datetime(TimeZone::system()));
    zoned.map_or("N/A".into(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string())
}

/// "2 hours ago", or nothing for an image that does not say.
pub(crate) fn created_since(image: &Image) -> String {
    created(image).map_or("N/A".into(), |then| {
        let seconds = engine::moment::seconds_between(then, Timestamp::now());
        format!("{} ago", human_duration(seconds))
    })
}
