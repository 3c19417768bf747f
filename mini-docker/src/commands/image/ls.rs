//! `image ls`, `images`.

use std::collections::{BTreeMap, BTreeSet};

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use engine::{Engine, ImageListing, ListedImage, human_size, precise_size};
use gotmpl::{Value, tmap};
use images::{Image, Known, Reference};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};
use crate::commands::image::ago;
use crate::config_file::format_or;
use crate::flags::values;
use crate::format::Table;
use crate::outcome;

pub(crate) const IMAGES: Entry = Entry {
    name: "images",
    aliases: &[],
    about: "List images",
    usage: "[OPTIONS] [REPOSITORY[:TAG]]",
    flags: Args::augment_args,
    run,
};

pub(crate) const LS: Entry = Entry { name: "ls", ..IMAGES };

#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only images of this name, in which * stands for anything.
    name: Option<String>,
    /// Also those that are only steps on the way to others.
    #[arg(short, long)]
    all: bool,
    /// Show what registries call them.
    #[arg(long)]
    digests: bool,
    /// Only those that fit: dangling, label, before, since, reference, until.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Print ids only.
    #[arg(short, long)]
    quiet: bool,
    /// Print whole ids.
    #[arg(long)]
    no_trunc: bool,
    /// Show what each takes, unpacked and packed, and whether a container uses it.
    #[arg(long)]
    tree: bool,
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

const WITH_DIGESTS: &str = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

const TREE: Table = Table {
    usual: "{{.Image}}\t{{.ID}}\t{{.DiskUsage}}\t{{.ContentSize}}\t{{.Extra}}",
    fields: &[
        ("ContentSize", "CONTENT SIZE"),
        ("DiskUsage", "DISK USAGE"),
        ("Extra", "IN USE"),
        ("ID", "ID"),
        ("Image", "IMAGE"),
    ],
};

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let (args, engine): (Args, _) = (of(matches)?, context.open()?);
    let mut filters: Vec<Filter> = args.filter;
    filters.extend(args.name.as_deref().map(|name| format!("reference={name}").parse()).transpose()?);
    let listing = ImageListing { all: args.all, filters: filters.into_iter().collect() };
    let usual = if args.quiet { String::new() } else { context.config().images_format };
    if args.tree {
        let others = [
            ("quiet", args.quiet),
            ("no-trunc", args.no_trunc),
            ("show-digest", args.digests),
            ("format", args.format.is_some()),
        ];
        if let Some((flag, _)) = others.iter().find(|(_, given)| *given) {
            let message = format!("--{flag} is not yet supported with --tree");
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        outcome::print(TREE.fill("", &tree(&engine, &listing)?)?)?;
        return Ok(0);
    }
    let format = format_or(args.format.as_deref(), usual);
    // Docker asks for them only where somebody sees them.
    let digests = args.digests || format.as_deref().is_some_and(|format| format.contains("{{.Digest}}"));
    let containers = if format.is_some() { engine.containers_by_image()? } else { BTreeMap::new() };
    let mut rows = Vec::new();
    for ListedImage { known, size } in engine.list_images(&listing)? {
        let id = if args.no_trunc { known.image.id.as_str() } else { known.image.short_id() };
        let made_of_it = containers.get(&known.image.id).copied().unwrap_or_default();
        for [repository, tag, digest] in names(&known, digests, args.digests) {
            rows.push(tmap! {
                "Containers" => made_of_it.to_string(),
                "CreatedAt" => created_at(&known.image),
                "CreatedSince" => created_since(&known.image),
                "Digest" => digest,
                "ID" => id,
                "Repository" => repository,
                "SharedSize" => "N/A",
                "Size" => human_size(size),
                "Tag" => tag,
                "UniqueSize" => "N/A",
                "VirtualSize" => precise_size(size),
            });
        }
    }
    let table = if args.digests { Table { usual: WITH_DIGESTS, ..TABLE } } else { TABLE };
    // Here a format goes before -q, and docker does not say so.
    let quiet = args.quiet && args.format.as_deref().is_none_or(str::is_empty);
    outcome::print(table.show(format.as_deref(), quiet, &rows)?)?;
    Ok(0)
}

/// A row for each name; what is said of the image stands beside the first.
fn tree(engine: &Engine, listing: &ImageListing) -> Result<Vec<Value>, Failure> {
    let used = engine.containers_by_image()?;
    let mut rows = Vec::new();
    for ListedImage { known, size } in engine.list_images(listing)? {
        let content = engine.content_size(&known.image)?;
        let mut names: Vec<String> = known.tags.iter().map(Reference::familiar).collect();
        if names.is_empty() {
            names.push("<untagged>".into());
        }
        for (number, name) in names.into_iter().enumerate() {
            let first = |text: String| if number == 0 { text } else { String::new() };
            rows.push(tmap! {
                "ContentSize" => first(human_size(content)),
                "DiskUsage" => first(human_size(size + content)),
                "Extra" => first(if used.contains_key(&known.image.id) { "U".into() } else { String::new() }),
                "ID" => first(known.image.short_id().into()),
                "Image" => name,
            });
        }
    }
    Ok(rows)
}

const NONE: &str = "<none>";

/// The rows of an image: repository, tag and digest of each. What a registry calls it has a row of its own only where it has
/// no tag in that repository.
fn names(known: &Known, digests: bool, own_rows: bool) -> Vec<[String; 3]> {
    let mut rows = Vec::new();
    for tag in &known.tags {
        let repository = tag.familiar_name();
        let same = known.digests.iter().filter(|digest| digests && digest.name() == tag.name());
        let mut same: Vec<String> = same.filter_map(|one| one.digest().map(ToString::to_string)).collect();
        if same.is_empty() {
            same.push(NONE.into());
        }
        rows.extend(same.into_iter().map(|digest| [repository.clone(), tag.tag().unwrap_or(NONE).into(), digest]));
    }
    let mut seen = BTreeSet::new();
    for one in known.digests.iter().filter(|one| known.tags.iter().all(|tag| tag.name() != one.name())) {
        let digest = one.digest().filter(|_| own_rows).map_or(NONE.into(), ToString::to_string);
        if own_rows || seen.insert(one.familiar_name()) {
            rows.push([one.familiar_name(), NONE.into(), digest]);
        }
    }
    if rows.is_empty() {
        rows.push([NONE, NONE, NONE].map(str::to_owned));
    }
    rows
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
    created(image).map_or("N/A".into(), ago)
}
