//! The commands, and what all of them share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use engine::{DataRoot, Engine, EngineError};
use process::{Failure, own_binary};

use crate::commands::{completion, image, info, man, reaper, run, version};
use crate::outcome;

/// A container engine without a daemon, built chapter by chapter in the workbook.
#[derive(Debug, Parser)]
#[command(name = "mini-docker", version, max_term_width = 100)]
pub struct Cli {
    /// Keep images and containers here.
    #[arg(long, global = true, env = "MINI_DOCKER_ROOT", value_name = "DIR", default_value = "/var/lib/mini-docker")]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command in a new container.
    #[command(disable_help_flag = true)]
    Run(Box<run::Args>),
    /// Manage images.
    #[command(subcommand)]
    Image(image::Command),
    /// List images.
    Images(image::ls::Args),
    /// Make an image from a tar archive of a root file system.
    Import(image::import::Args),
    /// Show what this machine gives to containers.
    Info(info::Args),
    /// Show the version.
    Version(version::Args),
    /// Print a completion script for a shell.
    Completion(completion::Args),
    /// Write the manual pages.
    Man(man::Args),
}

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    if let Some(code) = reaper::main() {
        return code;
    }
    if let Err(failure) = protect_own_binary() {
        return outcome::failure(&failure);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return outcome::usage(&error, process::ENGINE_FAILED),
    };
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => outcome::failure(&failure),
    }
}

/// Before anything is read, and for those commands only that execute in a container. A word that is the name of one and
/// means something else costs a millisecond.
fn protect_own_binary() -> Result<(), Failure> {
    const EXECUTE: [&str; 1] = ["run"];
    if std::env::args_os().any(|word| EXECUTE.iter().any(|command| word == *command)) {
        own_binary::protect()?;
    }
    Ok(())
}

fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let open = || -> Result<Engine, EngineError> { Engine::open(DataRoot::new(&cli.root)) };
    match cli.command {
        Command::Run(args) => run::run(*args, open),
        Command::Image(command) => image::run(command, open),
        Command::Images(args) => image::ls::run(&args, &open()?),
        Command::Import(args) => image::import::run(&args, &open()?),
        Command::Info(args) => info::run(&args, &open()?),
        Command::Version(args) => version::run(&args),
        Command::Completion(args) => Ok(completion::run(&args, Cli::command())),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}
