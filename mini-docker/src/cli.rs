//! The commands, and what all of them share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use engine::DataRoot;
use process::{Failure, own_binary};

use crate::command_line::{self, Wish};
use crate::commands::entry::{self, Context, Entry, Group};
use crate::commands::{GROUPS, TOP, reaper};
use crate::{complete, config_file, outcome, program};

// Flags of all commands. (A doc comment would become their description.)
#[derive(Debug, Args)]
struct Global {
    /// Keep images and containers here.
    #[arg(
        long,
        env = "MINI_DOCKER_ROOT",
        hide_env_values = true,
        value_name = "DIR",
        default_value = DataRoot::DEFAULT
    )]
    root: PathBuf,
    /// Read config.json of docker's client here, and not in ~/.docker.
    #[arg(long, env = "DOCKER_CONFIG", hide_env_values = true, value_name = "DIR")]
    config: Option<PathBuf>,
}

/// Usage first, as docker has it.
const TEMPLATE: &str = "Usage:  {usage}\n\n{about}\n\n{all-args}";

/// The whole reference. A command's flags are made when it is called for, or when somebody wants to read them all: most
/// command lines are about one.
pub fn tree() -> Command {
    let name = program::name();
    let root = command(name, "A container engine without a daemon, built chapter by chapter in the workbook")
        .override_usage(format!("{name} [OPTIONS] COMMAND [ARG...]"))
        .arg(
            Arg::new("version")
                .short('v')
                .short_alias('V')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Print the version"),
        );
    let groups = GROUPS.iter().map(|group| grown(group).defer(grow));
    Global::augment_args(root).subcommands(leaves(TOP, "")).subcommands(groups)
}

fn leaves(entries: &'static [&'static [Entry]], path: &str) -> impl Iterator<Item = Command> {
    entries.iter().copied().flatten().map(move |entry| leaf(entry, path))
}

/// Gives a group what is in it. (What is deferred is a function, which only knows the command: it looks the group up.)
fn grow(command: Command) -> Command {
    let groups = GROUPS.iter().chain(GROUPS.iter().flat_map(|group| group.groups));
    match groups.into_iter().find(|group| group.name() == command.get_name()) {
        Some(group) => command
            .subcommands(leaves(group.entries, &format!("{} ", group.path)).collect::<Vec<_>>())
            .subcommands(group.groups.iter().map(|below| grown(below).defer(grow))),
        None => command,
    }
}

/// Docker's way: no `-h`, which `run` has for host names, and no `help` among the commands, though it is one.
fn command(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .help_template(TEMPLATE)
        .max_term_width(100)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .subcommand_value_name("COMMAND")
        .arg(Arg::new("help").long("help").action(ArgAction::SetTrue).help("Print help").display_order(1000))
}

fn grown(group: &Group) -> Command {
    command(group.name(), group.about).override_usage(format!("{} {} COMMAND", program::name(), group.path))
}

fn leaf(entry: &Entry, path: &str) -> Command {
    // At the top docker has one name for each.
    let aliases = if path.is_empty() { &[] } else { entry.aliases };
    command(entry.name, entry.about)
        .aliases(aliases)
        .override_usage(usage(path, entry))
        .no_binary_name(true)
        .args_override_self(true)
        .defer(entry.flags)
}

/// Of a command; where there are two forms of it, the second has its name in it.
fn usage(path: &str, entry: &Entry) -> String {
    let name = program::name();
    format!("{name} {path}{} {}", entry.name, entry.usage.replace(program::OWN, name))
}

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    if let Some(code) = reaper::main() {
        return code;
    }
    if let Some(code) = complete::main() {
        return code;
    }
    if let Err(failure) = protect_own_binary() {
        return outcome::failure(&failure, failure.exit_code());
    }
    let said = match command_line::read(tree(), std::env::args_os()) {
        Err(error) => return error.print(),
        Ok(Wish::Version) => outcome::print(format_args!("{} {}\n", program::OWN, env!("CARGO_PKG_VERSION"))),
        Ok(Wish::Help { text, asked: true, deprecated }) => {
            if deprecated {
                outcome::complain("Flag shorthand -h has been deprecated, use --help\n");
            }
            outcome::print(text)
        }
        Ok(Wish::Help { text, .. }) => {
            outcome::complain(text);
            Ok(())
        }
        Ok(Wish::Command { path, globals, matches }) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            return match dispatch(&path, &globals, &matches).map_err(name_flag) {
                Ok(code) => ExitCode::from(code),
                Err(failure) if path.last().is_some_and(|name| PROGRAMS.contains(name)) => {
                    outcome::failure(&failure, failure.exit_code())
                }
                // Docker's codes above 1 are for those whose caller must tell them from the program's.
                Err(failure) => outcome::failure(&failure, 1),
            };
        }
    };
    said.map_or_else(|failure| outcome::failure(&failure, 1), |()| ExitCode::SUCCESS)
}

/// The chapters know no flags. Where their cure is another data root, this is how it is named.
fn name_flag(mut failure: Failure) -> Failure {
    if let Some(hint) = failure.hint.as_mut().filter(|hint| hint.contains("data root")) {
        hint.push_str(": --root DIR names one");
    }
    failure
}

/// Commands that end as a program does.
const PROGRAMS: [&str; 1] = ["run"];

/// Before anything is read, and for those commands only that execute in a container. A word that is the name of one and
/// means something else costs a millisecond.
fn protect_own_binary() -> Result<(), Failure> {
    const EXECUTE: [&str; 5] = ["run", "start", "restart", "restore", "exec"];
    if std::env::args_os().any(|word| EXECUTE.iter().any(|command| word == *command)) {
        own_binary::protect()?;
    }
    Ok(())
}

fn dispatch(path: &[&str], globals: &ArgMatches, matches: &ArgMatches) -> Result<u8, Failure> {
    let Global { root, config } = entry::of(globals)?;
    let config = config.filter(|path| !path.as_os_str().is_empty()).or_else(config_file::usual_directory);
    let Some(entry) = entry_at(path) else { unreachable!("{path:?} is in the tree and not in the list") };
    (entry.run)(matches, &Context { root, config, reference: tree })
}

/// The command of these names: `["image", "ls"]`.
pub(crate) fn entry_at(path: &[&str]) -> Option<&'static Entry> {
    let (mut entries, mut groups) = (TOP, GROUPS);
    path.iter().find_map(|word| {
        if let Some(group) = groups.iter().find(|group| group.name() == *word) {
            (entries, groups) = (group.entries, group.groups);
            return None;
        }
        entries.iter().copied().flatten().find(|entry| entry.name == *word)
    })
}
