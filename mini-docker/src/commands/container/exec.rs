//! `exec`.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, Args as _};
use engine::ExecWish;
use process::{ENGINE_FAILED, ExitStatus, Failure};
use runtime::{Text, environment};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::attending::DetachFlags;
use crate::flags::variable;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "exec",
    aliases: &[],
    about: "Run another command in a container that runs",
    usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker's")]
pub(crate) struct Args {
    /// Run it in the background.
    #[arg(short, long)]
    detach: bool,
    #[command(flatten)]
    keys: DetachFlags,
    /// Set a variable; without =VALUE, pass ours on.
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = variable())]
    env: Vec<Text>,
    /// Read variables from a file.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<OsString>,
    /// Keep standard input open.
    #[arg(short, long)]
    interactive: bool,
    /// Allow everything.
    #[arg(long)]
    privileged: bool,
    /// Give it a terminal.
    #[arg(short, long)]
    tty: bool,
    /// User, name or number, and perhaps group.
    #[arg(short, long, value_name = "USER[:GROUP]", default_value = "", hide_default_value = true)]
    user: String,
    /// Working directory inside.
    #[arg(short, long, value_name = "DIR", default_value = "", hide_default_value = true)]
    workdir: String,
    /// The container, and what to run in it.
    ///
    /// One list, for our flags end where the container is named: whatever follows belongs to the program.
    #[arg(required = true, num_args = 2.., trailing_var_arg = true, value_name = "CONTAINER COMMAND [ARG...]", hide = true)]
    words: Vec<OsString>,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let detach = args.detach;
    let ended = execute(args, context);
    Ok(ended.unwrap_or_else(|failure| {
        outcome::report(&failure);
        // 126 and 127 are the program's, if somebody waits for it; everything else is 1, as with other commands.
        let code = failure.exit_code();
        if detach || code == ENGINE_FAILED { 1 } else { code }
    }))
}

fn execute(args: Args, context: &Context) -> Result<u8, Failure> {
    let mut env = Vec::new();
    for path in &args.env_file {
        env.extend(environment::read_file(Path::new(path))?);
    }
    env.extend(args.env);
    let keys = args.keys.text(&context.config());
    let mut words = args.words.into_iter();
    let name = words.next().unwrap_or_default().to_string_lossy().into_owned();
    checked(&name)?;
    let wish = ExecWish {
        args: words.map(Text::from).collect(),
        env,
        user: args.user,
        cwd: args.workdir,
        terminal: args.tty,
        interactive: args.interactive,
        privileged: args.privileged,
    };
    let engine = context.open()?;
    if args.detach {
        return engine.exec_detached(&name, &wish).map(|()| 0);
    }
    engine.exec(&name, &wish, &keys).map(ExitStatus::code)
}
