//! `system check`.

use std::fmt::Write;

use clap::{ArgMatches, Args as _};
use engine::Cure;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "check",
    aliases: &[],
    about: "Look through containers, images and layers for what is damaged",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Remove what is of no use to anybody, and unpack again what is missing and kept.
    #[arg(long)]
    repair: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { repair } = of(matches)?;
    let checked = context.open()?.check(repair)?;
    let mut text = String::new();
    for (fault, repaired) in &checked.faults {
        let cure = match &fault.cure {
            Cure::Remove(_) if *repaired => "removed",
            Cure::Remove(_) => "system check --repair removes it",
            Cure::Unpack(..) if *repaired => "unpacked again",
            Cure::Unpack(..) => "system check --repair unpacks it again",
            Cure::ByHand(cure) => cure,
        };
        // Writing to memory does not fail.
        let _ = writeln!(text, "{}: {} ({cure})", fault.object, fault.text);
    }
    let [containers, images, layers] = checked.counts;
    let left = checked.faults.iter().filter(|(_, repaired)| !repaired).count();
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let found = if left == 0 { "no fault".into() } else { count(left, "fault") };
    let looked = [count(containers, "container"), count(images, "image"), count(layers, "layer")].join(", ");
    let _ = writeln!(text, "{looked}: {found}");
    outcome::print(text)?;
    Ok(u8::from(left > 0))
}
