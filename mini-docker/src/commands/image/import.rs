//! `import FILE|- [NAME]`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _};
use engine::ImportWish;
use images::{Platform, Reference};
use process::{Diagnose, Failure};
use thiserror::Error;

use crate::commands::entry::{Context, Entry, of};
use crate::commands::registry::link;
use crate::flags::image::wanted_platform;
use crate::outcome;
use crate::visible::visible;

pub(crate) const ENTRY: Entry = Entry {
    name: "import",
    aliases: &[],
    about: "Make an image from a tar archive of a root file system",
    usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Follow an instruction of a Dockerfile.
    #[arg(short, long, value_name = "INSTRUCTION", action = clap::ArgAction::Append)]
    change: Vec<String>,
    /// What it is.
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// What it is for, if not for this machine: os/architecture.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// The archive, plain or compressed by gzip, bzip2, xz or zstd, or its address; `-` is standard input.
    file: PathBuf,
    /// The image's name.
    name: Option<String>,
}

/// The archive could not be opened.
#[derive(Debug, Error)]
#[error("open {path}: {source}")]
struct OpenError {
    path: PathBuf,
    source: io::Error,
}

impl Diagnose for OpenError {}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let (args, engine): (Args, _) = (of(matches)?, context.open()?);
    let name = args.name.filter(|name| !name.is_empty()).map(|name| name.parse::<Reference>()).transpose()?;
    let platform = wanted_platform(args.platform);
    let platform = platform.map(|platform| platform.parse::<Platform>()).transpose()?;
    let address =
        args.file.to_str().filter(|text| ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)));
    let message = match (args.message.is_empty(), address) {
        (true, address) => format!("Imported from {}", address.unwrap_or("-")),
        (false, _) => args.message,
    };
    let wish = ImportWish { message, changes: args.change, platform };
    let archive: Box<dyn Read + Send> = if let Some(address) = address {
        let bytes = link::client(context, &())?.read_address(address)?;
        outcome::print(format_args!("Downloading from {}\n", visible(address)))?;
        Box::new(bytes)
    } else if args.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(&args.file).map_err(|source| OpenError { path: args.file.clone(), source })?;
        Box::new(file)
    };
    let image = engine.import(archive, name.as_ref(), &wish)?;
    outcome::print(format_args!("{}\n", image.id))?;
    Ok(0)
}
