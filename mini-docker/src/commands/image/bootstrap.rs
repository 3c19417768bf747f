//! `image bootstrap busybox`, `image bootstrap debian`.

use clap::Subcommand;
use engine::{Engine, Progress, Suite};
use images::Reference;
use indicatif::{ProgressBar, ProgressStyle};
use process::Failure;

use crate::outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// From this machine's static busybox: 2 MB, in an instant.
    Busybox {
        /// The image's name.
        #[arg(default_value = "busybox")]
        name: Reference,
    },
    /// A small Debian, by debootstrap: needs a Debian mirror, and minutes.
    Debian {
        /// The release.
        #[arg(long, default_value = "stable")]
        suite: Suite,
        /// The image's name; debian:SUITE unless you say otherwise.
        name: Option<Reference>,
    },
}

pub(crate) fn run(command: Command, engine: &Engine) -> Result<u8, Failure> {
    let (name, image) = match command {
        Command::Busybox { name } => {
            let image = engine.bootstrap_busybox(&name)?;
            (name, image)
        }
        Command::Debian { suite, name } => {
            let name = match name {
                Some(name) => name,
                None => format!("debian:{suite}").parse()?,
            };
            let mut bar = Bar::new();
            let image = engine.bootstrap_debian(&name, &suite, &mut bar)?;
            (name, image)
        }
    };
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
