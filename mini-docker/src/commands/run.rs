//! `run`.

use clap::{ArgMatches, Args as _, Command};
use engine::{Foreground, Streams};
use process::{DetachKeys, ExitStatus, Failure};

use crate::commands::entry::{Context, Entry, of};
use crate::explain::Narrator;
use crate::flags::attending::{DetachFlags, SignalFlags};
use crate::flags::image::ImageFlags;
use crate::flags::{ContainerFlags, refused};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "run",
    aliases: &[],
    about: "Run a command in a new container",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    flags,
    run,
};

// A doc comment would become the command's description.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    container: ContainerFlags,
    /// Run it in the background, and print its id.
    #[arg(short, long)]
    detach: bool,
    #[command(flatten)]
    keys: DetachFlags,
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    image: ImageFlags,
    #[command(flatten)]
    signals: SignalFlags,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::RUN)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::RUN)?;
    let args: Args = of(matches)?;
    args.image.check()?;
    let narrator = args.explain.then(Narrator::start);
    let settings = context.config();
    // In the background there is nobody who could type them.
    let detach_keys = if args.detach { DetachKeys::default() } else { args.keys.keys(&settings)? };
    let proxy = args.signals.proxy();
    let create = args.container.create(args.detach, &settings)?;
    let config = &create.config;
    let streams = Streams { stdin: config.attach_stdin, stdout: config.attach_stdout, stderr: config.attach_stderr };
    let result = context.open().and_then(|engine| {
        if let Some(code) = args.image.provide(&engine, context, &create)? {
            Ok(code)
        } else if args.detach {
            let (id, started) = engine.run_detached(&create)?;
            outcome::print(format_args!("{id}\n"))?;
            started.map(|()| 0)
        } else {
            engine.run(&create, &Foreground { streams, proxy, detach_keys }).map(ExitStatus::code)
        }
    });
    if let Some(narrator) = narrator {
        narrator.print();
    }
    result
}
