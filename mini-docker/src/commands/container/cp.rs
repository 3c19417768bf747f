//! `cp`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _};
use engine::{CopyWish, Placed, human_size};
use process::{Failure, FailureKind};

use super::stream;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "cp",
    aliases: &[],
    about: "Copy files from a container, or to it",
    usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tmini-docker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Give the files to the container's user, if it has one.
    #[arg(short, long)]
    archive: bool,
    /// Copy what a link as the source leads to.
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// Do not say how much was copied, which is said on a terminal only.
    #[arg(short, long)]
    quiet: bool,
    /// What to copy: `CONTAINER:PATH`, a path, or `-` for a tar archive on standard input.
    #[arg(value_name = "SRC_PATH", hide = true)]
    source: String,
    /// Where to: the same; `-` is a tar archive on standard output.
    #[arg(value_name = "DEST_PATH", hide = true)]
    destination: String,
}

/// One of the two.
enum Side<'a> {
    Inside { container: &'a str, path: &'a Path },
    Outside(&'a Path),
}

impl<'a> Side<'a> {
    /// Docker's rule: what begins like a path is one.
    fn of(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((container, path)) if !container.is_empty() && !text.starts_with(['/', '.']) => {
                Self::Inside { container, path: Path::new(path) }
            }
            _ => Self::Outside(Path::new(text)),
        }
    }
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { archive, follow_link, quiet, source, destination } = of(matches)?;
    let wish = CopyWish { archive, follow: follow_link };
    let stream = Path::new("-");
    let invalid = |message: &str| Err(Failure::new(FailureKind::Invalid, message));
    let placed = match (Side::of(&source), Side::of(&destination)) {
        (Side::Inside { .. }, Side::Inside { .. }) => return invalid("copying between containers is not supported"),
        (Side::Outside(_), Side::Outside(_)) => return invalid("must specify at least one container source"),
        (Side::Inside { container, path }, Side::Outside(to)) if to == stream => {
            if io::stdout().is_terminal() {
                return invalid("refusing to write an archive to a terminal: redirect it");
            }
            return stream::to_stdout(|out| context.open()?.copy_out_tar(container, path, out, wish));
        }
        (Side::Inside { container, path }, Side::Outside(to)) => context.open()?.copy_out(container, path, to, wish)?,
        (Side::Outside(from), Side::Inside { container, path }) if from == stream => {
            context.open()?.copy_in_tar(io::stdin().lock(), container, path, wish)?;
            return Ok(0);
        }
        (Side::Outside(from), Side::Inside { container, path }) => {
            context.open()?.copy_in(from, container, path, wish)?
        }
    };
    report(placed, quiet, &destination);
    Ok(0)
}

fn report(placed: Placed, quiet: bool, destination: &str) {
    if placed.devices > 0 {
        outcome::complain(format_args!("Warning: {} device nodes were left out\n", placed.devices));
    }
    if !quiet && io::stderr().is_terminal() {
        let shown = if destination.contains(':') { PathBuf::from(destination) } else { whole(destination) };
        outcome::complain(format_args!("Successfully copied {} to {}\n", human_size(placed.bytes), shown.display()));
    }
}

fn whole(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}
