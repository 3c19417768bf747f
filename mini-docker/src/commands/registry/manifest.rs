//! `manifest inspect`.

use clap::{ArgMatches, Args as _};
use engine::Ordered;
use images::Reference;
use process::{Failure, FailureKind};
use serde::Serialize;

use super::link;
use crate::commands::entry::{Context, Entry, Group, of};
use crate::outcome;
use crate::visible::visible_json;

pub(crate) const GROUP: Group =
    Group { path: "manifest", about: "Look at what a registry has", entries: &[&[INSPECT]], groups: &[] };

const INSPECT: Entry = Entry {
    name: "inspect",
    aliases: &[],
    about: "Show the manifest or the index that a name stands for, without pulling anything",
    usage: "NAME[:TAG|@DIGEST]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image.
    #[arg(value_name = "NAME", hide = true)]
    name: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let reference: Reference = args.name.parse()?;
    let client = link::client(context, &())?;
    let digest = reference.digest().map(ToString::to_string);
    let name = digest.as_deref().or(reference.tag()).unwrap_or("latest");
    let found = client.registry(reference.domain())?.document(reference.path(), name);
    let (_, bytes) = found.map_err(|error| {
        if error.is_not_found() {
            Failure::new(FailureKind::NotFound, format!("no such manifest: {reference}"))
        } else {
            error.into()
        }
    })?;
    // In its own order, and with docker's indentation.
    let wrong = |error: serde_json::Error| Failure::new(FailureKind::Invalid, format!("{reference}: {error}"));
    let document: Ordered = serde_json::from_slice(&bytes).map_err(wrong)?;
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter)).map_err(wrong)?;
    outcome::print(format_args!("{}\n", visible_json(&String::from_utf8_lossy(&text))))?;
    Ok(0)
}
