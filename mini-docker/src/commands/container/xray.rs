//! `xray`: host and container side by side.

mod page;
mod sections;

use std::io::IsTerminal;

use clap::{ArgMatches, Args as _};
use engine::Ordered;
use process::{Failure, FailureKind};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::format::{Template, UNREADABLE};
use crate::outcome;
use crate::visible::{visible, visible_json};

pub(crate) const ENTRY: Entry = Entry {
    name: "xray",
    aliases: &[],
    about: "Show how a container is made: host and container side by side, as the kernel sees them",
    usage: "[OPTIONS] CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Print all of it as JSON, for programs.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Its name or id.
    #[arg(required = true, value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let format = match args.format.as_deref() {
        Some("json") => Some("{{json .}}"),
        other => other.filter(|format| !format.is_empty()),
    };
    let template = match format.map(|format| Template::parse(format, &[])) {
        Some(Ok(template)) => Some(template),
        Some(Err(failure)) => {
            outcome::report(&failure);
            return Ok(UNREADABLE);
        }
        None => None,
    };
    checked(&args.container)?;
    let xray = context.open()?.xray(&args.container)?;
    let failed = |error: serde_json::Error| Failure::new(FailureKind::System, error.to_string());
    if args.json {
        let json = serde_json::to_string_pretty(&xray).map_err(failed)?;
        outcome::print(format_args!("{}\n", visible_json(&json)))?;
    } else if let Some(template) = template {
        let text = template.fill_json(&Ordered::of(&xray).map_err(failed)?)?;
        // A program gets what there is. A terminal would do what a container's names tell it to.
        let shown = if std::io::stdout().is_terminal() {
            text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
        } else {
            text
        };
        outcome::print(format_args!("{shown}\n"))?;
    } else {
        outcome::print(sections::page(&xray))?;
    }
    Ok(0)
}
