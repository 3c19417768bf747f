//! `top`.

use std::io::Write;

use clap::{ArgMatches, Args as _};
use process::Failure;
use tabwriter::TabWriter;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "top",
    aliases: &[],
    about: "Show the processes of a container, as the host's ps does",
    usage: "CONTAINER [ps OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id.
    #[arg(required = true, value_name = "CONTAINER", hide = true)]
    container: String,
    /// Options of ps; -ef without any.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, num_args = 0.., value_name = "OPTIONS", hide = true)]
    options: Vec<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    checked(&args.container)?;
    let processes = context.open()?.top(&args.container, &args.options.join(" "))?;
    let mut table = TabWriter::new(Vec::new()).padding(3).minwidth(17);
    for line in std::iter::once(&processes.titles).chain(&processes.rows) {
        // Writing to memory does not fail.
        let _ = writeln!(table, "{}", line.join("\t"));
    }
    outcome::print(String::from_utf8_lossy(&table.into_inner().unwrap_or_default()))?;
    Ok(0)
}
