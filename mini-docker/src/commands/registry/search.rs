//! `search`.

use clap::{ArgMatches, Args as _};
use gotmpl::tmap;
use images::Reference;
use process::{Failure, FailureKind};

use super::link;
use crate::commands::entry::{Context, Entry, of};
use crate::format::Table;
use crate::outcome;
use crate::visible::visible;

pub(crate) const ENTRY: Entry = Entry {
    name: "search",
    aliases: &[],
    about: "Search for images: in docker.io, or in SERVER/TERM",
    usage: "[OPTIONS] TERM",
    flags: Args::augment_args,
    run,
};

/// Letters of a description that fit beside the rest.
const LONGEST: usize = 45;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// So many at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// The tags of the repository TERM.
    #[arg(long)]
    list_tags: bool,
    /// Whole descriptions.
    #[arg(long)]
    no_trunc: bool,
    /// What to search for.
    #[arg(value_name = "TERM", hide = true)]
    term: String,
}

const FOUND: Table = Table {
    usual: "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
    fields: &[
        ("Description", "DESCRIPTION"),
        ("IsAutomated", "AUTOMATED"),
        ("IsOfficial", "OFFICIAL"),
        ("Name", "NAME"),
        ("StarCount", "STARS"),
    ],
};

const TAGS: Table = Table { usual: "{{.Name}}\t{{.Tag}}", fields: &[("Name", "NAME"), ("Tag", "TAG")] };

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let client = link::client(context, &())?;
    let format = args.format.as_deref().unwrap_or_default();
    let text = if args.list_tags {
        let reference: Reference = args.term.parse()?;
        let name = reference.familiar_name();
        let tags = client.registry(reference.domain())?.tags(reference.path())?;
        let rows: Vec<_> = tags.iter().map(|tag| tmap! { "Name" => name.as_str(), "Tag" => visible(tag) }).collect();
        TAGS.fill(format, &rows)?
    } else {
        let (domain, term) = split(&args.term);
        if term.is_empty() {
            return Err(Failure::new(FailureKind::Invalid, "there is nothing to search for"));
        }
        let found = client.search(domain, term, args.limit.into())?;
        let rows: Vec<_> = found
            .iter()
            .map(|found| {
                let official = if found.is_official { "[OK]" } else { "" };
                let automated = if found.is_automated { "[OK]" } else { "" };
                tmap! {
                    "Name" => visible(&found.name),
                    "Description" => description(&found.description, args.no_trunc),
                    "StarCount" => found.star_count.to_string(),
                    "IsOfficial" => official,
                    "IsAutomated" => automated,
                }
            })
            .collect();
        FOUND.fill(format, &rows)?
    };
    outcome::print(text)?;
    Ok(0)
}

/// `reg.example/term` is about that registry.
fn split(term: &str) -> (&str, &str) {
    match term.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (link::server(Some(host)), rest),
        _ => (link::DOCKER, term),
    }
}

fn description(text: &str, whole: bool) -> String {
    let text = visible(text);
    if whole || text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
