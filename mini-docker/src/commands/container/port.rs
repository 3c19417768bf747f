//! `port`.

use clap::{ArgMatches, Args as _};
use process::{Failure, FailureKind};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "port",
    aliases: &[],
    about: "Show where ports of a container are published",
    usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
    /// Only this port of it.
    #[arg(value_name = "PRIVATE_PORT[/PROTO]", hide = true)]
    port: Option<String>,
}

/// No network publishes ports yet: whatever there is to ask for has the same answer.
fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    checked(&args.container)?;
    context.open()?.find(&args.container)?;
    let Some(port) = args.port.filter(|port| !port.is_empty()) else { return Ok(0) };
    let number = port.split('/').next().unwrap_or_default();
    let (kind, message) = if number.parse::<u16>().is_ok() {
        (FailureKind::NotFound, format!("No public port '{port}' published for {}", args.container))
    } else {
        let reason = format!("strconv.ParseUint: parsing {number:?}: invalid syntax");
        (FailureKind::Invalid, format!("invalid port ({port}): {reason}"))
    };
    Err(Failure::new(kind, message))
}
