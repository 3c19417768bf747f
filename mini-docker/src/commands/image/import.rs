//! `import FILE|- NAME`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _, Command};
use images::Reference;
use process::{Diagnose, Failure};
use thiserror::Error;

use crate::commands::entry::{Context, Entry, of};
use crate::flags::refused;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "import",
    aliases: &[],
    about: "Make an image from a tar archive of a root file system",
    usage: "[OPTIONS] file|- REPOSITORY[:TAG]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Follow an instruction of a Dockerfile.
    #[arg(short, long, value_name = "INSTRUCTION", action = clap::ArgAction::Append)]
    change: Vec<String>,
    /// The archive, plain or compressed by gzip, bzip2, xz or zstd; `-` is standard input.
    file: PathBuf,
    /// The image's name.
    name: String,
}

/// The archive could not be opened.
#[derive(Debug, Error)]
#[error("open {path}: {source}")]
struct OpenError {
    path: PathBuf,
    source: io::Error,
}

impl Diagnose for OpenError {}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::IMPORT)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::IMPORT)?;
    let (args, engine): (Args, _) = (of(matches)?, context.open()?);
    let name: Reference = args.name.parse()?;
    let archive: Box<dyn Read + Send> = if args.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(&args.file).map_err(|source| OpenError { path: args.file.clone(), source })?;
        Box::new(file)
    };
    let image = engine.import(archive, &name, &args.change)?;
    outcome::print(format_args!("{}\n", image.id))?;
    Ok(0)
}
