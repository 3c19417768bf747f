//! `wait`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "wait",
    aliases: &[],
    about: "Wait until containers have ended, and print their exit codes",
    usage: "CONTAINER [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let engine = context.open()?;
    let mut failures = Vec::new();
    for name in &args.containers {
        match checked(name).and_then(|()| engine.wait(name)) {
            Ok(code) => outcome::print(format_args!("{code}\n"))?,
            Err(failure) => failures.push(failure),
        }
    }
    failures.iter().for_each(outcome::report);
    Ok(u8::from(!failures.is_empty()))
}
