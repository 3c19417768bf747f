//! `system restore`.

use clap::{ArgMatches, Args as _};
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "restore",
    aliases: &[],
    about: "After a boot, start the containers whose restart policy wants it",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print a unit for systemd that does it at each boot, and start nothing.
    #[arg(long)]
    print_unit: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    if args.print_unit {
        let system = |error: std::io::Error| Failure::new(FailureKind::System, error.to_string());
        let program = std::env::current_exe().map_err(system)?;
        let root = std::path::absolute(&context.root).map_err(system)?;
        outcome::print(engine::restore_unit(&program, &root))?;
        return Ok(0);
    }
    let mut code = 0;
    for restored in context.open()?.restore()? {
        match restored.result {
            Ok(()) => outcome::print(format_args!("{}\n", restored.name))?,
            Err(mut failure) => {
                failure.message = format!("container {}: {}", restored.name, failure.message);
                outcome::report(&failure);
                code = 1;
            }
        }
    }
    Ok(code)
}
