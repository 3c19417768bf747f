//! `run`.

use clap::{ArgMatches, Args as _, Command};
use engine::{Foreground, Streams};
use process::signals::Proxy;
use process::{DetachKeys, ExitStatus, Failure};

use crate::commands::entry::{Context, Entry, of};
use crate::explain::Narrator;
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
    /// The keys that leave it to itself.
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    image: ImageFlags,
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
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::RUN)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::RUN)?;
    let args: Args = of(matches)?;
    args.image.check()?;
    let narrator = args.explain.then(Narrator::start);
    let proxy = if args.sig_proxy { Proxy::UntilThird } else { Proxy::Never };
    let detach_keys = args.detach_keys.map_or(Ok(DetachKeys::default()), |keys| keys.parse())?;
    let create = args.container.create(args.detach)?;
    let config = &create.config;
    let streams = Streams { stdin: config.attach_stdin, stdout: config.attach_stdout, stderr: config.attach_stderr };
    let opened = context.open();
    let result = opened.as_ref().map_err(Clone::clone).and_then(|engine| {
        if args.detach {
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
    if let Ok(engine) = &opened {
        args.image.say_if_missing(engine, &create, result.is_err());
    }
    result
}
