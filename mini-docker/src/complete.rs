//! What could come next on a command line: `mini-docker __complete WORD…`, which the scripts of `completion` ask, prints a
//! line for each possibility, with its meaning behind a tab. The last word is the one that is being typed.
//!
//! Flags and commands are clap's; names of containers and images are looked up, where a command's usage has their place.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, Command};
use engine::{DataRoot, Engine, ImageListing, Status};

use crate::{cli, outcome};

/// What a shell says first.
const ASKED: &str = "__complete";

/// Answers a shell, if it is one that asks.
pub(crate) fn main() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != ASKED {
        return None;
    }
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut text = String::new();
    for Possibility { word, meaning } in possibilities(&words) {
        // Writing to memory does not fail.
        let _ = if meaning.is_empty() { writeln!(text, "{word}") } else { writeln!(text, "{word}\t{meaning}") };
    }
    // Whoever types does not want to read why it could not be written.
    let _ = outcome::print(text);
    Some(ExitCode::SUCCESS)
}

/// One word that could stand there.
#[derive(Debug, PartialEq, Eq)]
struct Possibility {
    word: String,
    meaning: String,
}

fn bare(word: impl Into<String>) -> Possibility {
    Possibility { word: word.into(), meaning: String::new() }
}

fn possibilities(words: &[String]) -> Vec<Possibility> {
    let Some((typed, before)) = words.split_last() else { return Vec::new() };
    let mut place = Place::default();
    for word in before {
        place.pass(word);
    }
    let mut found = place.possibilities(typed);
    found.retain(|possibility| possibility.word.starts_with(typed));
    found
}

/// Where on a command line somebody is.
struct Place {
    top: Command,
    command: Command,
    path: Vec<String>,
    /// Arguments that stand there already.
    arguments: usize,
    /// Flags have ended.
    ended: bool,
    /// There is no such command.
    lost: bool,
    /// The flag that waits for its value.
    flag: Option<Arg>,
    root: Option<PathBuf>,
}

impl Default for Place {
    fn default() -> Self {
        let (top, path) = (cli::tree(), Vec::new());
        Self { command: top.clone(), top, path, arguments: 0, ended: false, lost: false, flag: None, root: None }
    }
}

impl Place {
    /// Goes past a word.
    fn pass(&mut self, word: &str) {
        if let Some(flag) = self.flag.take() {
            self.take(&flag, word);
        } else if word == "--" {
            self.ended = true;
        } else if let Some(long) = word.strip_prefix("--").filter(|_| !self.ended) {
            match long.split_once('=') {
                Some((name, value)) => {
                    if let Some(flag) = self.flag_of(|arg| arg.get_long() == Some(name)) {
                        self.take(&flag, value);
                    }
                }
                None => self.flag = self.flag_of(|arg| arg.get_long() == Some(long)).filter(takes_value),
            }
        } else if let Some(shorts) = word.strip_prefix('-').filter(|rest| !self.ended && !rest.is_empty()) {
            let mut letters = shorts.chars();
            // `-it`, `-eA=b`: what follows one that takes a value is that.
            let flag =
                letters.find_map(|letter| self.flag_of(|arg| arg.get_short() == Some(letter)).filter(takes_value));
            self.flag = flag.filter(|_| letters.as_str().is_empty());
        } else if self.command.has_subcommands() {
            let Some(next) = self.command.find_subcommand(word).cloned() else {
                self.lost = true;
                return;
            };
            self.path.push(next.get_name().to_owned());
            self.command = next;
            self.command.build();
        } else {
            self.arguments += 1;
            self.ended |= self.usage().contains("[ARG...]");
        }
    }

    fn take(&mut self, flag: &Arg, value: &str) {
        if flag.get_long() == Some("root") {
            self.root = Some(value.into());
        }
    }

    fn flag_of(&self, is_it: impl Fn(&Arg) -> bool) -> Option<Arg> {
        self.command.get_arguments().chain(self.top.get_arguments()).find(|arg| is_it(arg)).cloned()
    }

    fn usage(&self) -> &'static str {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        cli::entry_at(&path).map_or("", |entry| entry.usage)
    }

    fn possibilities(&self, typed: &str) -> Vec<Possibility> {
        if self.lost {
            return Vec::new();
        }
        if let Some(flag) = &self.flag {
            return self.values(flag);
        }
        if typed.starts_with('-') && !self.ended {
            return self.flags();
        }
        if self.command.has_subcommands() {
            let shown = self.command.get_subcommands().filter(|command| !command.is_hide_set());
            return shown.map(|command| with(command.get_name(), command.get_about())).collect();
        }
        let positional = self.command.get_positionals().nth(self.arguments);
        let known = positional.map(|argument| self.values(argument)).unwrap_or_default();
        if known.is_empty() { self.names() } else { known }
    }

    fn flags(&self) -> Vec<Possibility> {
        let arguments = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        arguments.filter_map(|arg| Some(with(&format!("--{}", arg.get_long()?), arg.get_help()))).collect()
    }

    fn values(&self, arg: &Arg) -> Vec<Possibility> {
        if arg.get_long() == Some("volumes-from") {
            return self.containers(|_| true);
        }
        let values = if takes_value(arg) || arg.is_positional() { arg.get_possible_values() } else { Vec::new() };
        let shown = values.iter().filter(|value| !value.is_hide_set());
        shown.map(|value| with(value.get_name(), value.get_help())).collect()
    }

    /// What the usage has at this place: `[OPTIONS] CONTAINER [CONTAINER...]`.
    fn names(&self) -> Vec<Possibility> {
        let usage = self.usage().split_whitespace().filter(|word| *word != "[OPTIONS]").collect::<Vec<_>>();
        let word = usage.get(self.arguments).or_else(|| usage.last().filter(|last| last.ends_with("...]")));
        match word.map(|word| word.trim_matches(['[', ']', '.'])) {
            Some("CONTAINER" | "NAME|ID") => match self.path.last().map(String::as_str) {
                Some("attach" | "exec" | "kill" | "pause" | "stop" | "top" | "port") => {
                    self.containers(|status| status.is_alive() && status != Status::Restarting)
                }
                Some("unpause") => self.containers(|status| status == Status::Paused),
                Some("start") => self.containers(|status| !status.is_alive()),
                _ => self.containers(|_| true),
            },
            Some("CONTAINER:SRC_PATH") => {
                let mut containers = self.containers(|_| true);
                for container in &mut containers {
                    container.word.push(':');
                }
                containers
            }
            Some(image) if ["IMAGE", "SOURCE_IMAGE", "REPOSITORY"].iter().any(|begin| image.starts_with(begin)) => {
                self.images()
            }
            _ => Vec::new(),
        }
    }

    fn containers(&self, wanted: impl Fn(Status) -> bool) -> Vec<Possibility> {
        let containers = self.engine().and_then(|engine| engine.containers().ok()).unwrap_or_default();
        let wanted = containers.into_iter().filter(|container| wanted(container.state.status));
        wanted.map(|container| bare(container.saved.name)).collect()
    }

    fn images(&self) -> Vec<Possibility> {
        let images = self.engine().and_then(|engine| engine.list_images(&ImageListing::default()).ok());
        let names = images.into_iter().flatten().flat_map(|image| image.known.tags);
        names.map(|name| bare(name.familiar())).collect()
    }

    /// None is made for somebody who only types.
    fn engine(&self) -> Option<Engine> {
        let given = self.root.clone().or_else(|| std::env::var_os("MINI_DOCKER_ROOT").map(PathBuf::from));
        let root = given.unwrap_or_else(|| DataRoot::DEFAULT.into());
        if root.is_dir() { Engine::open(&root).ok() } else { None }
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
        && !arg.is_positional()
        && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
}

/// With the first line of what it means.
fn with(word: &str, meaning: Option<&impl ToString>) -> Possibility {
    let meaning = meaning.map(ToString::to_string).unwrap_or_default();
    Possibility { word: word.into(), meaning: meaning.lines().next().unwrap_or_default().replace('\t', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        possibilities(&words).into_iter().map(|possibility| possibility.word).collect()
    }

    #[test]
    fn commands_and_flags_are_known() {
        assert_eq!(words("rest"), ["restart"]);
        assert_eq!(words("container pr"), ["prune"]);
        assert_eq!(words("--root /nowhere sys"), ["system"]);
        assert_eq!(words("system restore --print"), ["--print-unit"]);
        assert_eq!(words("run --rm -e A=b --cap-a"), ["--cap-add"]);
        assert_eq!(words("completion z"), ["zsh"]);
        assert_eq!(words("nosuch "), Vec::<String>::new());
        assert_eq!(words("nosuch --"), Vec::<String>::new());
    }

    #[test]
    fn what_is_a_value_or_behind_the_image_is_neither_command_nor_flag() {
        for line in ["run --name --r", "run -e --r", "run busybox --r", "run --rm busybox echo --r", "exec web --p"] {
            assert_eq!(words(line), Vec::<String>::new(), "{line}");
        }
        assert_eq!(words("run --name=web --restar"), ["--restart"]);
        assert_eq!(words("run -it --restar"), ["--restart"]);
        assert_eq!(words("run -eA=b --restar"), ["--restart"]);
    }
}
