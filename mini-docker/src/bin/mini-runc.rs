//! `mini-runc`: the OCI runtime alone, with runc's command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mini_docker::{explain, outcome};
use process::signals::Proxy;
use process::{Failure, own_binary};
use rootfs::Root;
use runtime::spec::Bundle;
use runtime::{Container, Stdio, attend};

/// An OCI runtime: runs a container from a bundle.
#[derive(Debug, Parser)]
#[command(name = "mini-runc", version)]
struct Cli {
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long, global = true)]
    explain: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a container from a bundle, run it, and wait for it.
    Run {
        /// The directory with config.json.
        #[arg(short, long, default_value = ".")]
        bundle: PathBuf,
        /// A name for it, which names its control group.
        id: String,
    },
}

fn main() -> ExitCode {
    if let Err(error) = own_binary::protect() {
        let failure = Failure::from(error);
        return outcome::failure(&failure, failure.exit_code());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return outcome::usage(&error, 1),
    };
    let narrator = cli.explain.then(explain::Narrator::start);
    let Command::Run { bundle, id } = cli.command;
    let result = run(&bundle, &id);
    if let Some(narrator) = narrator {
        narrator.print();
    }
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => outcome::failure(&failure, failure.exit_code()),
    }
}

fn run(bundle: &Path, id: &str) -> Result<u8, Failure> {
    let Bundle { spec, warnings } = Bundle::load(bundle)?;
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    let terminal = spec.process.as_ref().is_some_and(|process| process.terminal);
    let root = spec.root.as_ref().map(|root| root.path.clone()).unwrap_or_default();
    let stdio = if terminal { Stdio::Terminal } else { Stdio::Inherit };
    let container = Container { id, spec: &spec, root: Root::Directory(root), stdio, cache: None, attached: false };
    let (status, group) = attend::run(container, true, Proxy::Always)?;
    // At once: the next container of this bundle wants a group of the same name.
    group.remove()?;
    Ok(status.code())
}
