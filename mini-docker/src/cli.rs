//! The commands, and what all of them share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use engine::{DataRoot, Engine};
use process::{Failure, own_binary};

use crate::command_line::{self, Wish};
use crate::commands::{completion, image, info, man, reaper, run, version};
use crate::flags::refused;
use crate::outcome;

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
}

/// Usage first, as docker has it.
const TEMPLATE: &str = "Usage:  {usage}\n\n{about}\n\n{all-args}";

/// The whole reference. A command's flags are made when it is called for, or when somebody wants to read them all: most
/// command lines are about one.
pub fn tree() -> Command {
    let root = command("mini-docker", "A container engine without a daemon, built chapter by chapter in the workbook")
        .override_usage("mini-docker [OPTIONS] COMMAND [ARG...]")
        .arg(
            Arg::new("version")
                .short('v')
                .short_alias('V')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Print the version"),
        );
    Global::augment_args(root).subcommands([
        leaf("run", "Run a command in a new container", "run [OPTIONS] IMAGE [COMMAND] [ARG...]", |command| {
            refused::augment(run::Args::augment_args(command), refused::RUN)
        }),
        group("image", "Manage images").defer(|command| {
            command.subcommands([
                group("bootstrap", "Make a first image without a registry")
                    .override_usage("mini-docker image bootstrap COMMAND")
                    .defer(|command| {
                        command.subcommands([
                            leaf(
                                "busybox",
                                "From this machine's static busybox: 2 MB, in an instant",
                                "image bootstrap busybox [OPTIONS] [REPOSITORY[:TAG]]",
                                image::bootstrap::Busybox::augment_args,
                            ),
                            leaf(
                                "debian",
                                "A small Debian, by debootstrap: needs a Debian mirror, and minutes",
                                "image bootstrap debian [OPTIONS] [REPOSITORY[:TAG]]",
                                image::bootstrap::Debian::augment_args,
                            ),
                        ])
                    }),
                leaf("ls", LIST, "image ls [OPTIONS] [REPOSITORY[:TAG]]", list_flags),
                leaf("import", IMPORT, "image import [OPTIONS] file|- REPOSITORY[:TAG]", import_flags),
            ])
        }),
        leaf("images", LIST, "images [OPTIONS] [REPOSITORY[:TAG]]", list_flags),
        leaf("import", IMPORT, "import [OPTIONS] file|- REPOSITORY[:TAG]", import_flags),
        leaf("info", "Show what this machine gives to containers", "info [OPTIONS]", info::Args::augment_args),
        leaf("version", "Show the version", "version [OPTIONS]", version::Args::augment_args),
        leaf(
            "completion",
            "Print a completion script for a shell",
            "completion [OPTIONS] SHELL",
            completion::Args::augment_args,
        ),
        leaf("man", "Write the manual pages", "man [OPTIONS] DIRECTORY", man::Args::augment_args),
    ])
}

fn list_flags(command: Command) -> Command {
    refused::augment(image::ls::Args::augment_args(command), refused::IMAGES)
}

fn import_flags(command: Command) -> Command {
    refused::augment(image::import::Args::augment_args(command), refused::IMPORT)
}

const LIST: &str = "List images";
const IMPORT: &str = "Make an image from a tar archive of a root file system";

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

fn group(name: &'static str, about: &'static str) -> Command {
    command(name, about).override_usage(format!("mini-docker {name} COMMAND"))
}

fn leaf(name: &'static str, about: &'static str, usage: &str, flags: fn(Command) -> Command) -> Command {
    command(name, about)
        .override_usage(format!("mini-docker {usage}"))
        .no_binary_name(true)
        .args_override_self(true)
        .defer(flags)
}

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    if let Some(code) = reaper::main() {
        return code;
    }
    if let Err(failure) = protect_own_binary() {
        return outcome::failure(&failure, failure.exit_code());
    }
    let said = match command_line::read(tree(), std::env::args_os()) {
        Err(error) => return error.print(),
        Ok(Wish::Version) => outcome::print(format_args!("mini-docker {}\n", env!("CARGO_PKG_VERSION"))),
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
                Err(failure) if path == ["run"] => outcome::failure(&failure, failure.exit_code()),
                // Docker's codes above 1 are for `run`, whose caller must tell them from those of the program.
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

/// Before anything is read, and for those commands only that execute in a container. A word that is the name of one and
/// means something else costs a millisecond.
fn protect_own_binary() -> Result<(), Failure> {
    const EXECUTE: [&str; 1] = ["run"];
    if std::env::args_os().any(|word| EXECUTE.iter().any(|command| word == *command)) {
        own_binary::protect()?;
    }
    Ok(())
}

/// What was given, as the command's own type. The words have been checked: this fails only if definitions disagree.
fn of<A: FromArgMatches>(matches: &ArgMatches) -> Result<A, Failure> {
    A::from_arg_matches(matches).map_err(|error| Failure::new(process::FailureKind::Invalid, error.to_string()))
}

fn dispatch(path: &[&str], globals: &ArgMatches, matches: &ArgMatches) -> Result<u8, Failure> {
    let Global { root } = of(globals)?;
    let open = || Engine::open(&root);
    match path {
        ["run"] => run::run(of(matches)?, matches, open),
        ["images"] | ["image", "ls"] => {
            refused::check(matches, refused::IMAGES)?;
            image::ls::run(&of(matches)?, &open()?)
        }
        ["import"] | ["image", "import"] => {
            refused::check(matches, refused::IMPORT)?;
            image::import::run(&of(matches)?, &open()?)
        }
        ["image", "bootstrap", "busybox"] => image::bootstrap::busybox(&of(matches)?, &open()?),
        ["image", "bootstrap", "debian"] => image::bootstrap::debian(&of(matches)?, &open()?),
        ["info"] => info::run(&of(matches)?, &open()?),
        ["version"] => version::run(&of(matches)?),
        ["completion"] => completion::run(&of(matches)?, tree()),
        ["man"] => man::run(&of(matches)?, tree()),
        other => unreachable!("{other:?} is in the tree and not here"),
    }
}
