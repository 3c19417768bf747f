//! `completion`.

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut cli: clap::Command) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "mini-docker", &mut script);
    anstream::print!("{}", String::from_utf8_lossy(&script));
    0
}
