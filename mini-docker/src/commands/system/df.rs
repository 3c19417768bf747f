//! `system df`.

use clap::{ArgMatches, Args as _};
use engine::{ContainerUsage, DiskUsage, ImageUsage, LayerUsage, Share, human_size};
use gotmpl::{Value, tmap};
use jiff::Timestamp;
use layers::DiffId;
use process::{Failure, FailureKind};

use crate::commands::container;
use crate::commands::entry::{Context, Entry, of};
use crate::commands::image::ls::created_since;
use crate::commands::image::tree::shown;
use crate::format::Table;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "df",
    aliases: &[],
    about: "Show what the disk is used for",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show each image and each container.
    #[arg(short, long)]
    verbose: bool,
}

const SHARES: Table = Table {
    usual: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
    fields: &[
        ("Active", "ACTIVE"),
        ("Reclaimable", "RECLAIMABLE"),
        ("Size", "SIZE"),
        ("TotalCount", "TOTAL"),
        ("Type", "TYPE"),
    ],
};

const IMAGES: Table = Table {
    usual: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
    fields: &[
        ("Containers", "CONTAINERS"),
        ("CreatedSince", "CREATED"),
        ("ID", "IMAGE ID"),
        ("Repository", "REPOSITORY"),
        ("SharedSize", "SHARED SIZE"),
        ("Size", "SIZE"),
        ("Tag", "TAG"),
        ("UniqueSize", "UNIQUE SIZE"),
    ],
};

/// Docker does not show these.
const LAYERS: Table = Table {
    usual: "{{.ID}}\t{{.Unpacked}}\t{{.Packed}}\t{{.Images}}",
    fields: &[("ID", "LAYER ID"), ("Images", "IMAGES"), ("Packed", "PACKED"), ("Unpacked", "UNPACKED")],
};

const CONTAINERS: Table = Table {
    usual: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
    fields: container::FIELDS,
};

const VOLUMES: Table = Table {
    usual: "{{.Name}}\t{{.Links}}\t{{.Size}}",
    fields: &[("Links", "LINKS"), ("Name", "VOLUME NAME"), ("Size", "SIZE")],
};

const CACHE: Table = Table {
    usual: "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
    fields: &[
        ("CacheType", "CACHE TYPE"),
        ("CreatedSince", "CREATED"),
        ("ID", "CACHE ID"),
        ("LastUsedSince", "LAST USED"),
        ("Shared", "SHARED"),
        ("Size", "SIZE"),
        ("UsageCount", "USAGE"),
    ],
};

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let format = args.format.as_deref().filter(|format| !format.is_empty());
    if args.verbose && format.is_some() {
        let message = "--verbose is not supported with --format: it is for people";
        return Err(Failure::new(FailureKind::Unsupported, message));
    }
    let usage = context.open()?.disk_usage()?;
    let text =
        if args.verbose { verbose(&usage)? } else { SHARES.fill(format.unwrap_or_default(), &shares(&usage))? };
    outcome::print(text)?;
    Ok(0)
}

/// Docker's four kinds. Of the last two there is nothing yet.
fn shares(usage: &DiskUsage) -> Vec<Value> {
    let kinds = [
        ("Images", usage.of_images()),
        ("Containers", usage.of_containers()),
        ("Local Volumes", Share::default()),
        ("Build Cache", Share::default()),
    ];
    kinds.into_iter().map(|(kind, share)| row(kind, share)).collect()
}

fn row(kind: &str, share: Share) -> Value {
    let percent = share.reclaimable.saturating_mul(100).checked_div(share.size);
    let reclaimable =
        human_size(share.reclaimable) + &percent.map(|percent| format!(" ({percent}%)")).unwrap_or_default();
    tmap! {
        "Active" => share.active.to_string(),
        "Reclaimable" => reclaimable,
        "Size" => human_size(share.size),
        "TotalCount" => share.total.to_string(),
        "Type" => kind,
    }
}

fn verbose(usage: &DiskUsage) -> Result<String, Failure> {
    let images: Vec<Value> = usage.images.iter().map(image).collect();
    let layers: Vec<Value> = usage.layers.iter().map(layer).collect();
    let content = usage.content;
    let partial = match content.partial {
        0 => String::new(),
        bytes => format!("Broken-off downloads: {}\n", human_size(bytes)),
    };
    let now = Timestamp::now();
    let size = |usage: &ContainerUsage| human_size(usage.size);
    let containers: Vec<Value> =
        usage.containers.iter().map(|usage| container::row(&usage.listed, &size(usage), false, now)).collect();
    Ok(format!(
        "Images space usage:\n\n{}\nLayers space usage:\n\n{}\nPacked layers, manifests and configurations: {}\n{partial}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\nBuild cache usage: 0B\n\n{}",
        IMAGES.fill("", &images)?,
        LAYERS.fill("", &layers)?,
        human_size(content.size),
        CONTAINERS.fill("", &containers)?,
        VOLUMES.fill("", &[])?,
        CACHE.fill("", &[])?,
    ))
}

fn layer((id, usage): (&DiffId, &LayerUsage)) -> Value {
    tmap! {
        "ID" => shown(id, false),
        "Images" => usage.images.to_string(),
        "Packed" => human_size(usage.packed),
        "Unpacked" => human_size(usage.unpacked),
    }
}

fn image(usage: &ImageUsage) -> Value {
    let name = usage.name.as_deref().and_then(|name| name.rsplit_once(':'));
    let (repository, tag) = name.unwrap_or(("<none>", "<none>"));
    tmap! {
        "Containers" => usage.containers.to_string(),
        "CreatedSince" => created_since(&usage.image),
        "ID" => usage.image.short_id(),
        "Repository" => repository,
        "SharedSize" => human_size(usage.shared),
        "Size" => human_size(usage.size),
        "Tag" => tag,
        "UniqueSize" => human_size(usage.size - usage.shared),
    }
}
