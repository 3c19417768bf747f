//! `image bootstrap busybox`, `image bootstrap debian`.

use clap::{ArgMatches, Args as _};
use engine::{Progress, Suite};
use images::{Image, Reference};
use indicatif::{ProgressBar, ProgressStyle};
use process::Failure;

use crate::commands::entry::{Context, Entry, Group, of};
use crate::outcome;

pub(crate) const GROUP: Group = Group {
    path: "image bootstrap",
    about: "Make a first image without a registry",
    entries: &[&[BUSYBOX, DEBIAN]],
    groups: &[],
};

const BUSYBOX: Entry = Entry {
    name: "busybox",
    aliases: &[],
    about: "From this machine's static busybox: 2 MB, in an instant",
    usage: "[OPTIONS] [REPOSITORY[:TAG]]",
    flags: Busybox::augment_args,
    run: busybox,
};

const DEBIAN: Entry = Entry {
    name: "debian",
    about: "A small Debian, by debootstrap: needs a Debian mirror, and minutes",
    flags: Debian::augment_args,
    run: debian,
    ..BUSYBOX
};

#[derive(Debug, clap::Args)]
pub(crate) struct Busybox {
    /// The image's name.
    #[arg(default_value = "busybox")]
    name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Debian {
    /// The release.
    #[arg(long, default_value = "stable")]
    suite: Suite,
    /// The image's name; debian:SUITE unless you say otherwise.
    name: Option<String>,
}

fn busybox(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let (args, engine): (Busybox, _) = (of(matches)?, context.open()?);
    let name = args.name.parse()?;
    say(&name, &engine.bootstrap_busybox(&name)?)
}

fn debian(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let (args, engine): (Debian, _) = (of(matches)?, context.open()?);
    let name = args.name.clone().unwrap_or_else(|| format!("debian:{}", args.suite)).parse()?;
    let mut bar = Bar::new();
    say(&name, &engine.bootstrap_debian(&name, &args.suite, &mut bar)?)
}

fn say(name: &Reference, image: &Image) -> Result<u8, Failure> {
    outcome::print(format_args!("{} {}\n", name.familiar(), image.id))?;
    Ok(0)
}

/// On standard error, and only if that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {wide_msg}");
        Self(ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Progress for Bar {
    fn update(&mut self, done: u64, total: u64, what: &str) {
        self.0.set_length(total);
        self.0.set_position(done);
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
