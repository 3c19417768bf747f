//! `image bootstrap busybox`, `image bootstrap debian`.

use engine::{Engine, Progress, Suite};
use images::{Image, Reference};
use indicatif::{ProgressBar, ProgressStyle};
use process::Failure;

use crate::outcome;

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

pub(crate) fn busybox(args: &Busybox, engine: &Engine) -> Result<u8, Failure> {
    let name = args.name.parse()?;
    say(&name, &engine.bootstrap_busybox(&name)?)
}

pub(crate) fn debian(args: &Debian, engine: &Engine) -> Result<u8, Failure> {
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
