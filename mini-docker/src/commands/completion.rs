//! `completion`.

use clap_complete::Shell;
use process::Failure;

use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut cli: clap::Command) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "mini-docker", &mut script);
    outcome::print(String::from_utf8_lossy(&script))?;
    Ok(0)
}
