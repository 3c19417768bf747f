//! `save`.

use std::ffi::OsString;

use clap::{ArgMatches, Args as _, Command};
use process::Failure;

use crate::commands::archive;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::refused;

pub(crate) const ENTRY: Entry = Entry {
    name: "save",
    aliases: &[],
    about: "Write images as a tar archive, as any engine can load it",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE", value_parser = clap::value_parser!(OsString))]
    output: Option<OsString>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "IMAGE", hide = true)]
    images: Vec<String>,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::SAVE)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::SAVE)?;
    let Args { output, images } = of(matches)?;
    archive::write("save image", output, |out| context.open()?.save_images(&images, out))
}
