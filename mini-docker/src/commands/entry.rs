//! What a command consists of. A command of containers stands in the tree twice, as docker's do: `start` and
//! `container start`.

use std::path::PathBuf;

use clap::{ArgMatches, Command, FromArgMatches};
use engine::Engine;
use process::{Failure, FailureKind};

use crate::config_file::ConfigFile;

/// One command.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names, which only work in a group.
    pub(crate) aliases: &'static [&'static str],
    /// What it does, in one line.
    pub(crate) about: &'static str,
    /// What goes behind its name: `[OPTIONS] CONTAINER [CONTAINER...]`.
    pub(crate) usage: &'static str,
    /// Gives it its flags.
    pub(crate) flags: fn(Command) -> Command,
    /// Does it; the result is the exit code.
    pub(crate) run: fn(&ArgMatches, &Context) -> Result<u8, Failure>,
}

/// A command that only has commands below it.
pub(crate) struct Group {
    /// Its name, with those of the groups that it is in: `image bootstrap`.
    pub(crate) path: &'static str,
    /// What it does, in one line.
    pub(crate) about: &'static str,
    /// Commands.
    pub(crate) entries: &'static [&'static [Entry]],
    /// Further groups.
    pub(crate) groups: &'static [Group],
}

impl Group {
    /// The last word of the path.
    pub(crate) fn name(&self) -> &'static str {
        self.path.rsplit(' ').next().unwrap_or_default()
    }
}

/// What commands share.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where the data is.
    pub(crate) root: PathBuf,
    /// Where docker's client has its settings.
    pub(crate) config: Option<PathBuf>,
    /// The whole reference, for those that write about it.
    pub(crate) reference: fn() -> Command,
}

impl Context {
    /// The settings, for commands that heed some.
    pub(crate) fn config(&self) -> ConfigFile {
        ConfigFile::read(self.config.as_deref())
    }

    /// The engine, for commands that need it.
    pub(crate) fn open(&self) -> Result<Engine, Failure> {
        Engine::open(&self.root)
    }
}

/// What was given, as the command's own type. The words have been checked: this fails only if definitions disagree.
pub(crate) fn of<A: FromArgMatches>(matches: &ArgMatches) -> Result<A, Failure> {
    A::from_arg_matches(matches).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))
}
