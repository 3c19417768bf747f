//! `system restore`.

use std::env;
use std::path::PathBuf;

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
        let root = std::path::absolute(&context.root).map_err(system)?;
        outcome::print(engine::restore_unit(&own_path()?, &root))?;
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

/// Where this program is. The kernel does not know: it executes a view of the file that is nowhere mounted. So this asks as
/// the shell did.
fn own_path() -> Result<PathBuf, Failure> {
    let called = PathBuf::from(env::args_os().next().unwrap_or_default());
    let found = if called.components().count() > 1 {
        std::path::absolute(&called).ok()
    } else {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).map(|directory| directory.join(&called)).find(|file| file.is_file())
    };
    found.filter(|file| file.is_file() && file.is_absolute()).ok_or_else(|| Failure {
        hint: Some("call it by its path: the unit will do so, too".into()),
        ..Failure::new(FailureKind::Invalid, format!("there is no program {}", called.display()))
    })
}
