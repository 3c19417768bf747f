//! `image`: its subcommands.

pub(crate) mod bootstrap;
pub(crate) mod import;
pub(crate) mod ls;

use clap::Subcommand;
use engine::{Engine, EngineError};
use process::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a first image without a registry.
    #[command(subcommand)]
    Bootstrap(bootstrap::Command),
    /// List images.
    Ls(ls::Args),
    /// Make an image from a tar archive of a root file system.
    Import(import::Args),
}

pub(crate) fn run(command: Command, open: impl FnOnce() -> Result<Engine, EngineError>) -> Result<u8, Failure> {
    match command {
        Command::Bootstrap(command) => bootstrap::run(command, &open()?),
        Command::Ls(args) => ls::run(&args, &open()?),
        Command::Import(args) => import::run(&args, &open()?),
    }
}
