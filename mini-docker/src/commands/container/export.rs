//! `export`.

use std::ffi::OsString;

use clap::{ArgMatches, Args as _};
use process::Failure;

use crate::commands::archive;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "export",
    aliases: &[],
    about: "Write a container's files as a tar archive",
    usage: "[OPTIONS] CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE", value_parser = clap::value_parser!(OsString))]
    output: Option<OsString>,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { output, container } = of(matches)?;
    archive::write("export container", output, |out| context.open()?.export(&container, out))
}
