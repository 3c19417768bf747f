//! `container prune`.

use std::io::{self, BufRead};

use clap::{ArgMatches, Args as _};
use engine::filters::Filter;
use engine::human_size;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::flags::values;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "prune",
    aliases: &[],
    about: "Remove all containers that do not run",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those that fit: until=10m, label=NAME, label!=NAME.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// Do not ask.
    #[arg(short, long)]
    force: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    if !args.force && !confirmed("This will remove all stopped containers.")? {
        return Ok(0);
    }
    let pruned = context.open()?.prune_containers(&args.filter.into_iter().collect())?;
    let mut text = String::new();
    if !pruned.containers.is_empty() {
        text = format!("Deleted Containers:\n{}\n\n", pruned.containers.join("\n"));
    }
    outcome::print(format_args!("{text}Total reclaimed space: {}\n", human_size(pruned.bytes)))?;
    Ok(0)
}

/// Asks; whatever is not `y` is no.
fn confirmed(what: &str) -> Result<bool, Failure> {
    outcome::print(format_args!("WARNING! {what}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    // Who cannot answer has not said yes.
    let _ = io::stdin().lock().read_line(&mut answer);
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
