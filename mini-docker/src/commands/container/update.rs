//! `update`.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command};
use engine::Update;
use engine::create::Resources;
use process::{Failure, FailureKind};

use super::each::each;
use crate::commands::entry::{Context, Entry, of};
use crate::flags::limits::LimitFlags;
use crate::flags::{refused, values};

pub(crate) const ENTRY: Entry = Entry {
    name: "update",
    aliases: &[],
    about: "Change limits and restart policy of containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    limits: LimitFlags,
    /// Start it again when it ends: no, on-failure[:MOST], always or unless-stopped.
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

/// What clap calls the flags that stand in one struct.
const GROUPS: [&str; 2] = ["Args", "LimitFlags"];

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::UPDATE)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::UPDATE)?;
    let invalid = |text: String| Failure::new(FailureKind::Invalid, text);
    let given = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    if !matches.ids().any(|id| id != "containers" && !GROUPS.contains(&id.as_str()) && given(id)) {
        return Err(invalid("you must provide one or more flags when using this command".into()));
    }
    let args: Args = of(matches)?;
    let restart = args.restart.as_deref().filter(|text| !text.is_empty()).map(values::restart_policy).transpose();
    let resources = args.limits.resources();
    let update = Update {
        resources: Resources { pids_limit: resources.pids_limit.filter(|limit| *limit != 0), ..resources },
        restart: restart.map_err(|error| invalid(error.to_string()))?,
    };
    let engine = context.open()?;
    each(&args.containers, |name| engine.update(name, &update))
}
