//! `start`.

use clap::{ArgMatches, Args as _, Command};
use engine::{Engine, Foreground, Streams};
use process::signals::Proxy;
use process::{Failure, FailureKind};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::attending::DetachFlags;
use crate::flags::refused;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "start",
    aliases: &[],
    about: "Start containers that do not run",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Be with it until it ends: see what it prints, and pass our signals on.
    #[arg(short, long)]
    attach: bool,
    #[command(flatten)]
    keys: DetachFlags,
    /// Type into it.
    #[arg(short, long)]
    interactive: bool,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::START)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::START)?;
    let args: Args = of(matches)?;
    match (&args.containers[..], args.attach || args.interactive) {
        ([_], true) => in_foreground(args, context),
        (_, true) => Err(Failure::new(FailureKind::Invalid, "you cannot start and attach multiple containers at once")),
        (names, false) => in_background(names, &context.open()?),
    }
}

fn in_foreground(args: Args, context: &Context) -> Result<u8, Failure> {
    let (name, engine) = (args.containers[0].as_str(), context.open()?);
    checked(name)?;
    let open_stdin = engine.find(name)?.saved.create.config.open_stdin;
    let detach_keys = args.keys.keys(&context.config())?;
    let streams = Streams { stdin: args.interactive && open_stdin, stdout: true, stderr: true };
    Ok(engine.start_attached(name, &Foreground { streams, proxy: Proxy::UntilThird, detach_keys })?.code())
}

fn in_background(names: &[String], engine: &Engine) -> Result<u8, Failure> {
    let mut failed = Vec::new();
    for name in names {
        match checked(name).and_then(|()| engine.start(name)) {
            Ok(()) => outcome::print(format_args!("{name}\n"))?,
            Err(failure) => {
                outcome::report(&failure);
                failed.push(name.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(0);
    }
    Err(Failure::new(FailureKind::System, format!("failed to start containers: {}", failed.join(", "))))
}
