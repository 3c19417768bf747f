//! `load`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::{ArgMatches, Args as _};
use images::{Loaded, Platform};
use process::{Failure, FailureKind};

use crate::commands::archive::without_number;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "load",
    aliases: &[],
    about: "Take images from a tar archive of any engine",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read this file, not standard input.
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Take only the images for this platform: os/architecture.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Say nothing while it goes on.
    #[arg(short, long)]
    quiet: bool,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    // It is silent while it goes on, with or without.
    let Args { input, platform, quiet: _ } = of(matches)?;
    let platform = platform.filter(|platform| !platform.is_empty());
    let platform: Option<Platform> = platform.map(|platform| platform.parse()).transpose()?;
    let archive: Box<dyn Read> = match input.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => Box::new(File::open(&path).map_err(|error| {
            Failure::new(FailureKind::System, format!("open {}: {}", path.display(), without_number(&error)))
        })?),
        None if io::stdin().is_terminal() => {
            return Err(Failure::new(FailureKind::Invalid, "requested load from stdin, but stdin is empty"));
        }
        None => Box::new(io::stdin().lock()),
    };
    let loaded = context.open()?.load_images(archive, platform.as_ref())?;
    outcome::print(loaded.iter().map(said).collect::<String>())?;
    Ok(0)
}

/// In docker's words.
fn said(loaded: &Loaded) -> String {
    let mut text = String::new();
    for (name, before) in &loaded.replaced {
        let name = name.familiar();
        let _ =
            writeln!(text, "The image {name} already exists, renaming the old one with ID {before} to empty string");
    }
    for name in &loaded.references {
        let _ = writeln!(text, "Loaded image: {}", name.familiar());
    }
    if loaded.references.is_empty() {
        let _ = writeln!(text, "Loaded image ID: {}", loaded.image.id);
    }
    text
}
