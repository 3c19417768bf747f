//! `create`.

use clap::{ArgMatches, Args as _, Command};
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::flags::image::ImageFlags;
use crate::flags::{ContainerFlags, refused};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "create",
    aliases: &[],
    about: "Make a container, and do not start it",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    container: ContainerFlags,
    #[command(flatten)]
    image: ImageFlags,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::RUN)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let (image, container) = (args.image, args.container);
    let wish = refused::check(matches, refused::RUN)
        .and_then(|()| image.check())
        .and_then(|()| container.create(false, &context.config()));
    let create = match wish {
        Ok(create) => create,
        // As a wrong flag.
        Err(failure) => {
            outcome::report(&failure);
            return Ok(failure.exit_code());
        }
    };
    let engine = context.open()?;
    if image.provide(&engine, context, &create)?.is_some() {
        return Ok(1);
    }
    outcome::print(format_args!("{}\n", engine.create(&create)?.id))?;
    Ok(0)
}
