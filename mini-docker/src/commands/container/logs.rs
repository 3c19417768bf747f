//! `logs`.

use std::io;

use clap::{ArgMatches, Args as _};
use engine::log::{LogQuery, Sinks};
use engine::moment::moment;
use jiff::Timestamp;
use process::{Failure, FailureKind};

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "logs",
    aliases: &[],
    about: "Print what a container has printed",
    usage: "[OPTIONS] CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the attributes that --log-opt has given to each line, too.
    #[arg(long)]
    details: bool,
    /// Go on as it prints more, until it ends.
    #[arg(short, long)]
    follow: bool,
    /// Nothing earlier: 10m, 2026-01-02T15:04:05Z, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only so many lines, the last.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value = "all")]
    tail: String,
    /// Print the time in front of each line.
    #[arg(short, long)]
    timestamps: bool,
    /// Nothing later.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    checked(&args.container)?;
    let engine = context.open()?;
    // Docker looks for the container first, and at its flags then.
    engine.find(&args.container)?;
    let now = Timestamp::now();
    let time = |name: &str, text: Option<&str>| match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => moment(text, now)
            .map(Some)
            .map_err(|error| Failure { message: format!("invalid value for {name:?}: {error}"), ..error.into() }),
    };
    let query = LogQuery {
        tail: LogQuery::tail(&args.tail),
        since: time("since", args.since.as_deref())?,
        until: time("until", args.until.as_deref())?,
        timestamps: args.timestamps,
        details: args.details,
        ..LogQuery::default()
    };
    let (mut stdout, mut stderr) = (io::stdout().lock(), io::stderr().lock());
    let mut sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let printed = engine.logs(&args.container, query, args.follow, &mut sinks);
    drop((stdout, stderr));
    match printed {
        Ok(0) => Ok(0),
        Ok(damaged) => {
            outcome::complain(format_args!("{damaged} damaged lines of the log are left out\n"));
            Ok(0)
        }
        // Whoever read has what they wanted.
        Err(failure) if failure.kind == FailureKind::Caller && failure.message.contains("Broken pipe") => Ok(0),
        Err(failure) => Err(failure),
    }
}
