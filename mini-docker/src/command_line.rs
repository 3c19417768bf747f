//! From words to flags, by the rules of pflag, which docker uses; what flags there are, clap says.
//!
//! Clap differs from pflag where people and scripts would notice: booleans take `=false` there, any value may begin with
//! `-`, flags end for good at the image, and complaints have other words. So the words are sorted here, by clap's own
//! definitions, and written again in the one form that cannot be misread: `--flag=value` for each flag, then `--`, then the
//! arguments. Clap parses that, checks the values, and keeps help, completion and manual pages.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, ArgAction, ArgMatches, Command};
use runtime::security::go_bool;

use crate::usage::UsageError;

/// What a command line asks for.
#[derive(Debug)]
pub enum Wish {
    /// To run a command.
    Command {
        /// Its names: `["image", "ls"]`.
        path: Vec<String>,
        /// Flags of all commands.
        globals: Box<ArgMatches>,
        /// Its own flags and arguments.
        matches: Box<ArgMatches>,
    },
    /// To read the help of the last of these commands. Docker prints it on standard error for a group without a command.
    Help {
        /// The text.
        text: String,
        /// By `--help`, or for want of a command.
        asked: bool,
        /// `-h` was used, which docker will drop.
        deprecated: bool,
    },
    /// To know the version.
    Version,
}

/// Reads `words`, which begin with the program's name.
///
/// # Errors
/// [`UsageError`].
pub fn read(mut root: Command, words: impl IntoIterator<Item = OsString>) -> Result<Wish, UsageError> {
    let mut words: VecDeque<OsString> = words.into_iter().skip(1).collect();
    let top = root.clone();
    let mut for_all = Vec::new();
    let (mut names, mut path, mut command) = (Vec::new(), top.get_name().to_owned(), &mut root);
    loop {
        let level = Level { command, top: &top, path: &path };
        let sorted = level.sort(&mut words, &mut for_all)?;
        if sorted.help {
            return Ok(Wish::Help { text: help(command), asked: true, deprecated: sorted.deprecated });
        }
        if sorted.version {
            return Ok(Wish::Version);
        }
        if !command.has_subcommands() {
            level_arguments(command, &path, sorted.arguments.len())?;
            let mut canonical = sorted.flags;
            canonical.push("--".into());
            canonical.extend(sorted.arguments);
            let parse = |flags: &mut Command, words| flags.try_get_matches_from_mut(words).map(Box::new);
            let globals = parse(&mut globals_only(&top), for_all)
                .map_err(|error| UsageError::from_clap(top.get_name(), &top, &error))?;
            let matches = parse(command, canonical).map_err(|error| UsageError::from_clap(&path, command, &error))?;
            return Ok(Wish::Command { path: names, globals, matches });
        }
        let mut arguments = sorted.arguments.into_iter();
        let Some(word) = arguments.next() else {
            return Ok(Wish::Help { text: help(command), asked: false, deprecated: false });
        };
        if word == "help" && names.is_empty() {
            return help_about(&top, arguments);
        }
        let name = word.to_string_lossy().into_owned();
        let Some(next) = command.clone().find_subcommand(&name).map(|next| next.get_name().to_owned()) else {
            return Err(UsageError::command(&path, &name, &near(command, &name)));
        };
        words = arguments.collect();
        command = command.find_subcommand_mut(&next).unwrap_or_else(|| unreachable!("it was found before"));
        command.build();
        path = format!("{path} {next}");
        names.push(next);
    }
}

/// `help COMMAND…`.
fn help_about(top: &Command, words: impl Iterator<Item = OsString>) -> Result<Wish, UsageError> {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = top.clone();
    for word in &words {
        let mut next = command.find_subcommand(word).cloned().ok_or_else(|| UsageError::topic(&words.join(" ")))?;
        next.build();
        command = next;
    }
    Ok(Wish::Help { text: help(&command), asked: true, deprecated: false })
}

fn help(command: &Command) -> String {
    command.clone().render_help().to_string()
}

/// Names that begin with the word, or are two strokes away from it: cobra's rule, which docker's commands follow.
fn near(command: &Command, word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let alike = |name: &&str| name.starts_with(&word) || strsim::levenshtein(name, &word) <= 2;
    command.get_subcommands().map(Command::get_name).filter(alike).map(str::to_owned).collect()
}

/// The top command's flags, without its commands.
fn globals_only(top: &Command) -> Command {
    Command::new("flags of all commands")
        .no_binary_name(true)
        .args_override_self(true)
        .args(top.get_opts().filter(|arg| arg.get_action().takes_values()))
}

fn level_arguments(command: &Command, path: &str, given: usize) -> Result<(), UsageError> {
    let (mut least, mut most) = (0_usize, 0_usize);
    for argument in command.get_positionals() {
        let range = argument.get_num_args().unwrap_or(clap::builder::ValueRange::SINGLE);
        least += if argument.is_required_set() { range.min_values() } else { 0 };
        most = most.saturating_add(range.max_values());
    }
    let count = |number: usize| format!("{number} argument{}", if number == 1 { "" } else { "s" });
    let need = match (least, most) {
        _ if (least..=most).contains(&given) => return Ok(()),
        (_, 0) => "accepts no arguments".to_owned(),
        _ if least == most => format!("requires {}", count(least)),
        _ if least > 0 && most < usize::MAX => format!("requires at least {least} and at most {}", count(most)),
        _ if given < least => format!("requires at least {}", count(least)),
        _ => format!("requires at most {}", count(most)),
    };
    Err(UsageError::arguments(path, command, &need))
}

/// The words of one command, sorted.
#[derive(Default)]
struct Sorted {
    flags: Vec<OsString>,
    arguments: Vec<OsString>,
    help: bool,
    deprecated: bool,
    version: bool,
}

/// One command, while its flags are read.
struct Level<'a> {
    command: &'a Command,
    top: &'a Command,
    path: &'a str,
}

impl Level<'_> {
    /// Takes this command's words. A command with commands below it, and one whose last argument is another program's
    /// command line, end at the first argument: what follows is not for them.
    fn sort(&self, words: &mut VecDeque<OsString>, for_all: &mut Vec<OsString>) -> Result<Sorted, UsageError> {
        let ends_early =
            self.command.has_subcommands() || self.command.get_positionals().any(clap::Arg::is_trailing_var_arg_set);
        let mut sorted = Sorted::default();
        while let Some(word) = words.pop_front() {
            match word.as_bytes() {
                b"--" => {
                    sorted.arguments.extend(words.drain(..));
                }
                [b'-', b'-', long @ ..] => self.long(long, words, &mut sorted, for_all)?,
                [b'-', shorts @ ..] if !shorts.is_empty() => self.shorts(shorts, words, &mut sorted, for_all)?,
                _ => {
                    sorted.arguments.push(word);
                    if ends_early {
                        sorted.arguments.extend(words.drain(..));
                    }
                }
            }
        }
        Ok(sorted)
    }

    fn fail(&self, message: impl std::fmt::Display) -> UsageError {
        UsageError::flag(self.path, self.command, message)
    }

    /// The flag that `is` is true of: of this command, or of all. Those of a command with commands below it are of all.
    fn find(&self, is: impl Fn(&Arg) -> bool) -> Option<(&Arg, bool)> {
        let own = self
            .command
            .get_opts()
            .chain(switches(self.command))
            .find(|arg| is(arg))
            .map(|arg| (arg, self.command.has_subcommands()));
        own.or_else(|| self.top.get_opts().find(|arg| is(arg)).map(|arg| (arg, true)))
    }

    fn long(
        &self,
        text: &[u8],
        words: &mut VecDeque<OsString>,
        sorted: &mut Sorted,
        for_all: &mut Vec<OsString>,
    ) -> Result<(), UsageError> {
        let (name, value) = match text.iter().position(|byte| *byte == b'=') {
            Some(place) => (&text[..place], Some(&text[place + 1..])),
            None => (text, None),
        };
        let shown = OsStr::from_bytes(text).display();
        if name.is_empty() || name[0] == b'-' {
            return Err(self.fail(format_args!("bad flag syntax: --{shown}")));
        }
        let named = |arg: &Arg| {
            let names = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
            names.into_iter().any(|long| long.as_bytes() == name)
        };
        let Some((arg, global)) = self.find(named) else {
            return Err(self.fail(format_args!("unknown flag: --{}", OsStr::from_bytes(name).display())));
        };
        let value = match value {
            Some(value) => OsStr::from_bytes(value).to_owned(),
            None if is_switch(arg) => "true".into(),
            None => words.pop_front().ok_or_else(|| self.fail(format_args!("flag needs an argument: --{shown}")))?,
        };
        self.set(arg, &value, sorted, if global { Some(for_all) } else { None })
    }

    fn shorts(
        &self,
        cluster: &[u8],
        words: &mut VecDeque<OsString>,
        sorted: &mut Sorted,
        for_all: &mut Vec<OsString>,
    ) -> Result<(), UsageError> {
        let shown = OsStr::from_bytes(cluster).display();
        let mut rest = cluster;
        while let [letter, after @ ..] = rest {
            let letter = char::from(*letter);
            let Some((arg, global)) =
                self.find(|arg| arg.get_short_and_visible_aliases().is_some_and(|all| all.contains(&letter)))
            else {
                if letter == 'h' {
                    (sorted.help, sorted.deprecated) = (true, true);
                    return Ok(());
                }
                return Err(self.fail(format_args!("unknown shorthand flag: {letter:?} in -{shown}")));
            };
            let (value, next): (OsString, &[u8]) = match after {
                [b'=', value @ ..] if !value.is_empty() => (OsString::from_vec(value.to_vec()), &[]),
                _ if is_switch(arg) => ("true".into(), after),
                [] => {
                    let message = format!("flag needs an argument: {letter:?} in -{shown}");
                    (words.pop_front().ok_or_else(|| self.fail(message))?, &[])
                }
                value => (OsString::from_vec(value.to_vec()), &[]),
            };
            self.set(arg, &value, sorted, if global { Some(&mut *for_all) } else { None })?;
            rest = next;
        }
        Ok(())
    }

    /// Writes the flag down, as clap is to read it.
    fn set(
        &self,
        arg: &Arg,
        value: &OsStr,
        sorted: &mut Sorted,
        for_all: Option<&mut Vec<OsString>>,
    ) -> Result<(), UsageError> {
        let long = arg.get_long().unwrap_or_default();
        let switched = if is_switch(arg) {
            let text = value.to_string_lossy();
            Some(go_bool(&text).ok_or_else(|| {
                let reason = format!("strconv.ParseBool: parsing {text:?}: invalid syntax");
                UsageError::value(self.path, self.command, long, &text, reason)
            })?)
        } else {
            None
        };
        match (long, switched) {
            ("help", Some(on)) => sorted.help = on,
            ("version", Some(on)) => sorted.version = on,
            (_, Some(on)) if matches!(arg.get_action(), ArgAction::SetTrue) => {
                let word = OsString::from(format!("--{long}"));
                sorted.flags.retain(|other| *other != word);
                sorted.flags.extend(on.then_some(word));
            }
            _ => {
                let mut word = OsString::from(format!("--{long}="));
                word.push(switched.map_or(value, |on| OsStr::new(if on { "true" } else { "false" })));
                for_all.unwrap_or(&mut sorted.flags).push(word);
            }
        }
        Ok(())
    }
}

/// Flags that clap does not count among the options: those without a value.
fn switches(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional() && !arg.get_action().takes_values())
}

/// A boolean: it may stand alone, and takes a value only after `=`.
fn is_switch(arg: &Arg) -> bool {
    !arg.get_action().takes_values() || arg.get_num_args().is_some_and(|range| range.min_values() == 0)
}

#[cfg(test)]
mod tests;
