//! `inspect`, `container inspect`, `image inspect`.

use clap::{ArgMatches, Args as _};
use engine::{Engine, Ordered, Reader};
use images::Platform;
use process::{Failure, FailureKind};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::commands::container::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::format::{Template, UNREADABLE};
use crate::outcome;
use crate::visible::visible_json;

pub(crate) const ENTRY: Entry = Entry {
    name: "inspect",
    aliases: &[],
    about: "Print everything about containers and images",
    usage: "[OPTIONS] NAME|ID [NAME|ID...]",
    flags: Args::augment_args,
    run,
};

pub(crate) const CONTAINER: Entry = Entry {
    about: "Print everything about containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags: OfContainers::augment_args,
    run: |matches, context| {
        let OfContainers { common, size } = of(matches)?;
        print(&common, &context.open()?, |engine, name, _| engine.inspect(name, size))
    },
    ..ENTRY
};

pub(crate) const IMAGE: Entry = Entry {
    about: "Print everything about images",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    flags: OfImages::augment_args,
    run: |matches, context| {
        let OfImages { common, platform } = of(matches)?;
        let wanted = platform.filter(|platform| !platform.is_empty());
        let wanted = wanted.map(|platform| platform.parse::<Platform>()).transpose()?;
        print(&common, &context.open()?, |engine, name, reader| engine.inspect_image(name, wanted.as_ref(), reader))
    },
    ..ENTRY
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    of: OfContainers,
    /// Only objects of this type: container, image.
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfContainers {
    #[command(flatten)]
    common: Common,
    /// Find out how much there is in them.
    #[arg(short, long)]
    size: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfImages {
    #[command(flatten)]
    common: Common,
    /// Refuse those that are for another one: os/architecture.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "NAME|ID", hide = true)]
    names: Vec<String>,
}

/// Docker's, of which we have two.
const TYPES: [&str; 10] =
    ["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { of: OfContainers { common, size }, r#type } = of(matches)?;
    let container = |engine: &Engine, name: &str, _| engine.inspect(name, size);
    let image = |engine: &Engine, name: &str, reader| engine.inspect_image(name, None, reader);
    match r#type.as_deref() {
        None | Some("") => {
            print(&common, &context.open()?, |engine, name, reader| match container(engine, name, reader) {
                // Where something else could have been meant, docker says so.
                Err(failure) if failure.kind == FailureKind::NotFound => image(engine, name, reader).map_err(|_| {
                    let message = format!("No such object: {name}");
                    Failure { message, ..failure }
                }),
                other => other,
            })
        }
        Some("container") => print(&common, &context.open()?, container),
        Some("image") => print(&common, &context.open()?, image),
        Some(known) if TYPES.contains(&known) => {
            let message = format!("--type {known} is not supported: only containers and images can be inspected yet");
            Err(Failure::new(FailureKind::Unsupported, message))
        }
        Some(other) => {
            let known = TYPES.map(|name| format!("{name:?}")).join(", ");
            Err(Failure::new(FailureKind::Invalid, format!("unknown type: {other:?}: must be one of {known}")))
        }
    }
}

fn print(
    args: &Common,
    engine: &Engine,
    describe: impl Fn(&Engine, &str, Reader) -> Result<Ordered, Failure>,
) -> Result<u8, Failure> {
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
    let reader = match args.format.as_deref() {
        None | Some("") => Reader::Person,
        Some(format) if format.contains("json") => Reader::Json,
        Some(_) => Reader::Template,
    };
    let (mut objects, mut failures) = (Vec::new(), Vec::new());
    for name in &args.names {
        match checked(name).and_then(|()| describe(engine, name, reader)) {
            Ok(object) => objects.push(object),
            Err(failure) => failures.push(failure),
        }
    }
    match template {
        None => outcome::print(format_args!("{}\n", visible_json(&pretty(&objects)?)))?,
        Some(None) => {
            let json = serde_json::to_string(&objects).map_err(|error| unprintable(&error))?;
            outcome::print(format_args!("{}\n", visible_json(&json)))?;
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
