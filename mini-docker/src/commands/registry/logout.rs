//! `logout`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::link;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "logout",
    aliases: &[],
    about: "Forget who we are at a registry: without a server, at docker.io",
    usage: "[SERVER]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry.
    #[arg(value_name = "SERVER", hide = true)]
    server: Option<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let server = link::server(args.server.as_deref());
    let shown = if server == link::DOCKER { "https://index.docker.io/v1/" } else { server };
    // Docker says so whether there are any or not.
    outcome::print(format_args!("Removing login credentials for {shown}\n"))?;
    link::client(context, &())?.logout(server)?;
    Ok(0)
}
