//! `inspect`, `container inspect`.

use clap::{ArgMatches, Args as _};
use engine::{Engine, Ordered};
use process::{Failure, FailureKind};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::format::{Template, UNREADABLE};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "inspect",
    aliases: &[],
    about: "Print everything about containers",
    usage: "[OPTIONS] NAME|ID [NAME|ID...]",
    flags: Args::augment_args,
    run,
};

pub(crate) const CONTAINER: Entry = Entry {
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: Common::augment_args,
    run: |matches, context| print(&of(matches)?, &context.open()?, |failure| failure),
    ..ENTRY
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Only objects of this type: container.
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Find out how much there is in them.
    #[arg(short, long)]
    size: bool,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "NAME|ID", hide = true)]
    names: Vec<String>,
}

/// Docker's, of which we have one.
const TYPES: [&str; 10] =
    ["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    match args.r#type.as_deref() {
        None | Some("") => print(&args.common, &context.open()?, any_object),
        Some("container") => print(&args.common, &context.open()?, |failure| failure),
        Some(known) if TYPES.contains(&known) => {
            let message = format!("--type {known} is not supported: only containers can be inspected yet");
            Err(Failure::new(FailureKind::Unsupported, message))
        }
        Some(other) => {
            let known = TYPES.map(|name| format!("{name:?}")).join(", ");
            Err(Failure::new(FailureKind::Invalid, format!("unknown type: {other:?}: must be one of {known}")))
        }
    }
}

/// Where something else could have been meant, docker says so.
fn any_object(mut failure: Failure) -> Failure {
    if let Some(name) = failure.message.strip_prefix("No such container: ") {
        failure.message = format!("No such object: {name}");
    }
    failure
}

fn print(args: &Common, engine: &Engine, word: fn(Failure) -> Failure) -> Result<u8, Failure> {
    let template = match args.format.as_deref() {
        None | Some("") => None,
        Some("json") => Some(None),
        Some(format) => match Template::parse(format, &[]) {
            Ok(template) => Some(Some(template)),
            Err(failure) => {
                outcome::report(&failure);
                return Ok(UNREADABLE);
            }
        },
    };
    let (mut objects, mut failures) = (Vec::new(), Vec::new());
    for name in &args.names {
        match checked(name).and_then(|()| engine.inspect(name, args.size)) {
            Ok(object) => objects.push(object),
            Err(failure) => failures.push(word(failure)),
        }
    }
    match template {
        None => outcome::print(format_args!("{}\n", pretty(&objects)?))?,
        Some(None) => {
            let json = serde_json::to_string(&objects);
            outcome::print(format_args!("{}\n", json.map_err(|error| unprintable(&error))?))?;
        }
        Some(Some(template)) => {
            for object in &objects {
                outcome::print(format_args!("{}\n", template.fill_json(object)?))?;
            }
        }
    }
    failures.iter().for_each(outcome::report);
    Ok(u8::from(!failures.is_empty()))
}

fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::new(FailureKind::System, error.to_string())
}

/// Docker indents by four.
fn pretty(objects: &[Ordered]) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut out = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    objects.serialize(&mut out).map_err(|error| unprintable(&error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
