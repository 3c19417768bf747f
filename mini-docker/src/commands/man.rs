//! `man`: a manual page for each command, into a directory.

use std::path::PathBuf;

use process::{Diagnose, Failure};
use thiserror::Error;

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

pub(crate) fn run(args: &Args, cli: clap::Command) -> Result<u8, Failure> {
    let failed = |source| ManError { directory: args.directory.clone(), source };
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    clap_mangen::generate_to(cli, &args.directory).map_err(failed)?;
    Ok(0)
}
