//! `attach`.

use clap::{ArgMatches, Args as _};
use engine::{Foreground, Streams};
use process::signals::Proxy;
use process::{DetachKeys, Failure};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "attach",
    aliases: &[],
    about: "Be with a container that runs, as run is",
    usage: "[OPTIONS] CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The keys that leave it to itself.
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Type nothing into it.
    #[arg(long)]
    no_stdin: bool,
    /// Pass our signals on to the program.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    sig_proxy: bool,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    checked(&args.container)?;
    let detach_keys = args.detach_keys.as_deref().map_or(Ok(DetachKeys::default()), str::parse)?;
    let streams = Streams { stdin: !args.no_stdin, stdout: true, stderr: true };
    let proxy = if args.sig_proxy { Proxy::UntilThird } else { Proxy::Never };
    Ok(context.open()?.attach(&args.container, &Foreground { streams, proxy, detach_keys })?.code())
}
