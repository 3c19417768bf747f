//! `man`: a manual page for each command, into a directory.

use std::path::PathBuf;

use clap::{ArgMatches, Args as _};
use process::{Diagnose, Failure};
use thiserror::Error;

use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "man",
    aliases: &[],
    about: "Write the manual pages",
    usage: "[OPTIONS] DIRECTORY",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write `mini-docker.1` and its like.
    directory: PathBuf,
}

/// The pages could not be written.
#[derive(Debug, Error)]
#[error("write manual pages to {directory}: {source}")]
struct ManError {
    directory: PathBuf,
    source: std::io::Error,
}

impl Diagnose for ManError {}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let failed = |source| ManError { directory: args.directory.clone(), source };
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    clap_mangen::generate_to((context.reference)(), &args.directory).map_err(failed)?;
    Ok(0)
}
