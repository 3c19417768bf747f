//! `search`.

use clap::{ArgMatches, Args as _};
use gotmpl::tmap;
use images::Reference;
use process::{Failure, FailureKind};
use registry::Found;

use super::link;
use crate::commands::entry::{Context, Entry, of};
use crate::format::{Table, ellipsis};
use crate::outcome;
use crate::visible::{visible, visible_json};

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
        let show = shown(format);
        let rows: Vec<_> = tags.iter().map(|tag| tmap! { "Name" => name.as_str(), "Tag" => show(tag) }).collect();
        TAGS.fill(format, &rows)?
    } else {
        let (domain, term) = split(&args.term);
        if term.is_empty() {
            return Err(Failure::new(FailureKind::Invalid, "there is nothing to search for"));
        }
        let found = client.search(domain, term, args.limit.into())?;
        listed(&found, format, args.no_trunc)?
    };
    outcome::print(if is_json(format) { visible_json(&text) } else { text })?;
    Ok(0)
}

fn listed(found: &[Found], format: &str, whole: bool) -> Result<String, Failure> {
    let show = shown(format);
    let row = |found: &Found| {
        let sign = |is_so: bool| if is_so { "[OK]" } else { "" };
        tmap! {
            "Name" => show(&found.name),
            "Description" => description(show(&found.description), whole),
            "StarCount" => found.star_count.to_string(),
            "IsOfficial" => sign(found.is_official),
            "IsAutomated" => sign(found.is_automated),
        }
    };
    FOUND.fill(format, &found.iter().map(row).collect::<Vec<_>>())
}

/// JSON has its own way of escaping.
fn is_json(format: &str) -> bool {
    format.contains("json")
}

/// How words of a registry are shown.
fn shown(format: &str) -> fn(&str) -> String {
    if is_json(format) { ToOwned::to_owned } else { visible }
}

/// `reg.example/term` is about that registry.
fn split(term: &str) -> (&str, &str) {
    match term.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (link::server(Some(host)), rest),
        _ => (link::DOCKER, term),
    }
}

fn description(text: String, whole: bool) -> String {
    if whole { text } else { ellipsis(&text, LONGEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_escaped_once() {
        let found = [Found { name: "a\u{1b}b".into(), description: "\u{9b}".into(), ..Found::default() }];
        let json = visible_json(&listed(&found, "json", false).expect("JSON"));
        let read: serde_json::Value = serde_json::from_str(&json).expect(&json);
        assert_eq!((read["Name"].as_str(), read["Description"].as_str()), (Some("a\u{1b}b"), Some("\u{9b}")));
        assert!(!json.contains(['\u{1b}', '\u{9b}']), "{json}");
        assert_eq!(listed(&found, "{{.Name}} {{.Description}}", false).expect("text"), "a\\x1bb \\u{9b}\n");
    }
}
