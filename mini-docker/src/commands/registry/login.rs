//! `login`.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::os::fd::AsFd;

use clap::{ArgMatches, Args as _};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use process::{Diagnose, Failure, FailureKind};
use registry::Stored;
use thiserror::Error;

use super::link;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "login",
    aliases: &[],
    about: "Log in to a registry: without a server, to docker.io",
    usage: "[OPTIONS] [SERVER]",
    flags: Args::augment_args,
    run,
};

/// More than any password.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The password: others on this machine can read it here.
    #[arg(short, long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Read it from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// The name of the user.
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// The registry.
    #[arg(value_name = "SERVER", hide = true)]
    server: Option<String>,
}

/// What cannot be asked.
#[derive(Debug, Error)]
enum AskError {
    #[error("Cannot perform an interactive login from a non TTY device")]
    NoTerminal,
    #[error("username is empty")]
    NoUser,
    #[error("password is empty")]
    NoPassword,
    #[error("read from the terminal: {0}")]
    Read(#[from] io::Error),
}

impl Diagnose for AskError {
    fn kind(&self) -> Option<FailureKind> {
        Some(if matches!(self, Self::Read(_)) { FailureKind::System } else { FailureKind::Invalid })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoTerminal).then(|| "give --username and --password-stdin".into())
    }
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let invalid = |message: &str| Err(Failure::new(FailureKind::Invalid, message));
    if args.password.is_some() && args.password_stdin {
        return invalid("conflicting options: cannot specify both --password and --password-stdin");
    }
    if args.password.is_some() {
        outcome::complain("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    if args.password_stdin && args.username.as_ref().is_none_or(String::is_empty) {
        return invalid("the --password-stdin option requires --username to be set");
    }
    let server = link::server(args.server.as_deref());
    let (user, password) = ask(&args)?;
    let stored = link::client(context, &())?.login(server, &user, &password)?;
    if let Stored::InFile(path) = stored {
        outcome::complain(format_args!(
            "\nWARNING! Your credentials are stored unencrypted in '{}'.\nConfigure a credential helper to remove this \
             warning. See\nhttps://docs.docker.com/go/credential-store/\n\n",
            path.display()
        ));
    }
    outcome::print("Login Succeeded\n")?;
    Ok(0)
}

/// What was not given is asked for.
fn ask(args: &Args) -> Result<(String, String), AskError> {
    let given = args.password_stdin || args.password.is_some() && args.username.is_some();
    if !given && !io::stdin().is_terminal() {
        return Err(AskError::NoTerminal);
    }
    let user = match &args.username {
        Some(user) => user.clone(),
        None => prompt("Username: ", true)?,
    };
    let user = user.trim().to_owned();
    if user.is_empty() {
        return Err(AskError::NoUser);
    }
    let password = match &args.password {
        Some(password) => password.clone(),
        None if args.password_stdin => {
            let mut text = String::new();
            io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
            // What `echo` adds.
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        None => prompt("Password: ", false)?,
    };
    if password.is_empty() { Err(AskError::NoPassword) } else { Ok((user, password)) }
}

/// A line from the terminal, which shows it or not.
fn prompt(words: &str, show: bool) -> Result<String, AskError> {
    outcome::complain(words);
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let before = tcgetattr(&stdin).map_err(io::Error::from)?;
    let mut silent = before.clone();
    silent.local_flags.set(LocalFlags::ECHO, show);
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent).map_err(io::Error::from)?;
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST).read_line(&mut line);
    tcsetattr(&stdin, SetArg::TCSANOW, &before).map_err(io::Error::from)?;
    read?;
    if !show {
        outcome::complain("\n");
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
