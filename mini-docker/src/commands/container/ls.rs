//! `ps`, `container ls`.

use std::sync::Arc;

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use engine::{Listed, Listing, Size, human_duration, human_size};
use gotmpl::{Value, ValueFunc, tmap};
use images::Reference;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::config_file::format_or;
use crate::flags::values;
use crate::format::{Table, ellipsis, quoted};
use crate::outcome;

pub(crate) const PS: Entry =
    Entry { name: "ps", aliases: &[], about: "List containers", usage: "[OPTIONS]", flags: Args::augment_args, run };

pub(crate) const LS: Entry = Entry { name: "ls", aliases: &["list", "ps"], ..PS };

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker's")]
pub(crate) struct Args {
    /// List those that have ended, too.
    #[arg(short, long)]
    all: bool,
    /// Only those that fit: id, name, label, status, exited, before, since, ancestor, network, …
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only so many, those that were made last, whether they run or not.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value = "-1", hide_default_value = true,
          value_parser = values::int64)]
    last: i64,
    /// Only the one that was made last, whether it runs or not.
    #[arg(short, long)]
    latest: bool,
    /// Print all of ids and commands.
    #[arg(long)]
    no_trunc: bool,
    /// Print ids only.
    #[arg(short, long)]
    quiet: bool,
    /// Print how much they have written.
    #[arg(short, long)]
    size: bool,
}

pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("Command", "COMMAND"),
    ("CreatedAt", "CREATED AT"),
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Labels", "LABELS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Mounts", "MOUNTS"),
    ("Names", "NAMES"),
    ("Networks", "NETWORKS"),
    ("Platform", "PLATFORM"),
    ("Ports", "PORTS"),
    ("RunningFor", "CREATED"),
    ("Size", "SIZE"),
    ("State", "STATE"),
    ("Status", "STATUS"),
];

const TABLE: Table = Table {
    usual: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
    fields: FIELDS,
};

const WITH_SIZES: Table = Table {
    usual: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}",
    fields: FIELDS,
};

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let usual = if args.quiet { String::new() } else { context.config().ps_format };
    let format = format_or(args.format.as_deref(), usual);
    let format = format.as_deref();
    let last = match usize::try_from(args.last) {
        Ok(0) => None,
        Ok(last) => Some(last),
        Err(_) => (args.latest && args.last == -1).then_some(1),
    };
    let listing = Listing {
        all: args.all,
        last,
        sizes: args.size || (!args.quiet && format.is_some_and(|format| format.contains(".Size"))),
        filters: args.filter.into_iter().collect(),
    };
    let now = Timestamp::now();
    let size = |listed: &Listed| {
        let words = |size: Size| format!("{} (virtual {})", human_size(size.written), human_size(size.whole));
        listed.size.map_or_else(|| "0B".to_owned(), words)
    };
    let rows: Vec<Value> =
        context.open()?.list(&listing)?.iter().map(|listed| row(listed, &size(listed), args.no_trunc, now)).collect();
    let table = if args.size { &WITH_SIZES } else { &TABLE };
    outcome::print(table.show(format, args.quiet, &rows)?)?;
    Ok(0)
}

/// The name of an image without its digest, and without what is default.
fn short_name(text: &str) -> String {
    let named = text.split('@').next().unwrap_or_default();
    let tagged = named.rsplit('/').next().is_some_and(|last| last.contains(':'));
    match named.parse::<Reference>() {
        Ok(reference) if tagged => reference.familiar(),
        Ok(reference) => reference.familiar_name(),
        Err(_) => text.to_owned(),
    }
}

/// One container, with its size in words.
pub(crate) fn row(listed: &Listed, size: &str, whole: bool, now: Timestamp) -> Value {
    let saved = &listed.container.saved;
    let labels = &saved.record.labels;
    let command = listed.command();
    let created = saved.created.to_zoned_datetime(TimeZone::system());
    let known = labels.clone();
    let label: ValueFunc = Arc::new(move |given| {
        let name = given.first().map(ToString::to_string).unwrap_or_default();
        Ok(Value::from(known.get(&name).map_or("", String::as_str)))
    });
    let image = match listed.image.strip_prefix("sha256:") {
        Some(digits) if !whole => digits[..digits.len().min(12)].to_owned(),
        None if !whole => short_name(&listed.image),
        _ => listed.image.clone(),
    };
    let seconds = engine::moment::seconds_between(saved.created, now);
    tmap! {
        "Command" => quoted(&if whole { command } else { ellipsis(&command, 20) }),
        "CreatedAt" => created.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string(),
        "ID" => if whole { saved.id.as_str() } else { saved.short_id() },
        "Image" => image,
        "Label" => Value::Function(label),
        "Labels" => labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","),
        "LocalVolumes" => "0",
        "Mounts" => "",
        "Names" => saved.name.as_str(),
        "Networks" => listed.networks().join(","),
        "Platform" => Value::Nil,
        "Ports" => "",
        "RunningFor" => format!("{} ago", human_duration(seconds)),
        "Size" => size,
        "State" => listed.container.state.status.name(),
        "Status" => listed.status(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_the_names_that_docker_shows() {
        let digest = format!("sha256:{}", "1".repeat(64));
        for (given, shown) in [
            ("docker.io/library/busybox:latest", "busybox:latest"),
            ("busybox", "busybox"),
            (format!("localhost:5000/web@{digest}").as_str(), "localhost:5000/web"),
            (format!("web:1@{digest}").as_str(), "web:1"),
            ("3e14f8db6fb5", "3e14f8db6fb5"),
        ] {
            assert_eq!(short_name(given), shown);
        }
    }
}
