//! `attach`.

use clap::{ArgMatches, Args as _};
use engine::{Foreground, Streams};
use process::Failure;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::attending::{DetachFlags, SignalFlags};

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
    #[command(flatten)]
    keys: DetachFlags,
    /// Type nothing into it.
    #[arg(long)]
    no_stdin: bool,
    #[command(flatten)]
    signals: SignalFlags,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    checked(&args.container)?;
    let detach_keys = args.keys.keys(&context.config())?;
    let streams = Streams { stdin: !args.no_stdin, stdout: true, stderr: true };
    let proxy = args.signals.proxy();
    Ok(context.open()?.attach(&args.container, &Foreground { streams, proxy, detach_keys })?.code())
}
