//! `info`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::format::print_object;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "info",
    aliases: &[],
    about: "Show what this machine gives to containers",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let info = context.open()?.info()?;
    if let Some(format) = args.format.as_deref().filter(|format| !format.is_empty()) {
        return print_object(format, &info);
    }
    let lines = info.lines();
    let lines =
        lines.iter().fold(String::new(), |text, (name, value)| text + format!(" {name}: {value}").trim_end() + "\n");
    outcome::print(format_args!("Server:\n{lines}"))?;
    Ok(0)
}
