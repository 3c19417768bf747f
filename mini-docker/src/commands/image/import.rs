//! `import FILE|- NAME`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use engine::Engine;
use images::Reference;
use process::{Diagnose, Failure};
use thiserror::Error;

use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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

pub(crate) fn run(args: &Args, engine: &Engine) -> Result<u8, Failure> {
    let name: Reference = args.name.parse()?;
    let archive: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.file).map_err(|source| OpenError { path: args.file.clone(), source })?;
        Box::new(file)
    };
    let image = engine.import(archive, &name)?;
    outcome::print(format_args!("{}\n", image.id))?;
    Ok(0)
}
