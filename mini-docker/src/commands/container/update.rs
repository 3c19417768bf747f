//! `update`.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command};
use engine::Update;
use engine::create::Resources;
use process::{Failure, FailureKind};

use super::each::each;
use crate::commands::entry::{Context, Entry, of};
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
    /// Relative weight of disk traffic, 10 to 1000.
    #[arg(long, value_name = "WEIGHT", value_parser = values::uint16)]
    blkio_weight: Option<u16>,
    /// Microseconds of the period that a quota is for.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    cpu_period: Option<i64>,
    /// Microseconds of processor time in each period.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    cpu_quota: Option<i64>,
    /// Relative weight of processor time; 1024 is normal.
    #[arg(short, long, value_name = "WEIGHT", value_parser = values::int64)]
    cpu_shares: Option<i64>,
    /// Number of processors, as 1.5.
    #[arg(long, value_name = "NUMBER", value_parser = values::cpus)]
    cpus: Option<i64>,
    /// Processors to use, as 0-2,4.
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Memory nodes to use.
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// Memory limit, as 64m or 1.5g.
    #[arg(short, long, value_name = "BYTES", value_parser = values::bytes)]
    memory: Option<i64>,
    /// Soft memory limit.
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    memory_reservation: Option<i64>,
    /// Limit of memory and swap together; -1 for no limit.
    #[arg(long, value_name = "BYTES", value_parser = values::swap)]
    memory_swap: Option<i64>,
    /// Number of processes; -1 for no limit.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    pids_limit: Option<i64>,
    /// Start it again when it ends: no, on-failure[:MOST], always or unless-stopped.
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::UPDATE)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::UPDATE)?;
    let invalid = |text: String| Failure::new(FailureKind::Invalid, text);
    let given = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    if !matches.ids().any(|id| id != "containers" && id != "Args" && given(id)) {
        return Err(invalid("you must provide one or more flags when using this command".into()));
    }
    let args: Args = of(matches)?;
    let restart = args.restart.as_deref().filter(|text| !text.is_empty()).map(values::restart_policy).transpose();
    let update = Update {
        resources: Resources {
            blkio_weight: args.blkio_weight.unwrap_or_default(),
            cpu_period: args.cpu_period.unwrap_or_default(),
            cpu_quota: args.cpu_quota.unwrap_or_default(),
            cpu_shares: args.cpu_shares.unwrap_or_default(),
            nano_cpus: args.cpus.unwrap_or_default(),
            cpuset_cpus: args.cpuset_cpus.unwrap_or_default(),
            cpuset_mems: args.cpuset_mems.unwrap_or_default(),
            memory: args.memory.unwrap_or_default(),
            memory_reservation: args.memory_reservation.unwrap_or_default(),
            memory_swap: args.memory_swap.unwrap_or_default(),
            pids_limit: args.pids_limit.filter(|limit| *limit != 0),
            ..Resources::default()
        },
        restart: restart.map_err(|error| invalid(error.to_string()))?,
    };
    let engine = context.open()?;
    each(&args.containers, |name| engine.update(name, &update))
}
