//! `stats`.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use clap::{ArgMatches, Args as _};
use engine::{Engine, Listing, Sample, Usage, human_size, memory_size};
use gotmpl::{Value, tmap};
use process::Failure;

use super::each::checked;
use crate::commands::entry::{Context, Entry, of};
use crate::config_file::format_or;
use crate::format::Table;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "stats",
    aliases: &[],
    about: "Show what containers use: processors, memory, disks, processes",
    usage: "[OPTIONS] [CONTAINER...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show those that do not run, too.
    #[arg(short, long)]
    all: bool,
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show it once.
    #[arg(long)]
    no_stream: bool,
    /// Print all of ids.
    #[arg(long)]
    no_trunc: bool,
    /// Names or ids; all that run without any.
    #[arg(num_args = 0.., value_name = "CONTAINER", hide = true)]
    containers: Vec<String>,
}

const TABLE: Table = Table {
    usual: "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
    fields: &[
        ("BlockIO", "BLOCK I/O"),
        ("CPUPerc", "CPU %"),
        ("Container", "CONTAINER"),
        ("ID", "CONTAINER ID"),
        ("MemPerc", "MEM %"),
        ("MemUsage", "MEM USAGE / LIMIT"),
        ("Name", "NAME"),
        ("NetIO", "NET I/O"),
        ("PIDs", "PIDS"),
    ],
};

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// One of those that are shown.
struct Shown {
    /// As it was named.
    word: String,
    id: String,
    name: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    args.containers.iter().try_for_each(|name| checked(name))?;
    let engine = context.open()?;
    let format = format_or(args.format.as_deref(), context.config().stats_format).unwrap_or_default();
    let mut earlier = look(&engine, &shown(&engine, &args)?)?;
    loop {
        sleep(PERIOD);
        let shown = shown(&engine, &args)?;
        let now = look(&engine, &shown)?;
        let rows: Vec<Value> = shown
            .iter()
            .filter_map(|one| {
                // One that has just come has nothing to be compared with.
                let sample = now.get(&one.id)?;
                Some(row(one, &sample.since(earlier.get(&one.id).unwrap_or(sample)), args.no_trunc))
            })
            .collect();
        let text = TABLE.fill(&format, &rows)?;
        if args.no_stream {
            outcome::print(text)?;
            return Ok(0);
        }
        // Over what was there, line by line, so that nothing flickers; then away with what is left below.
        outcome::print(format_args!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n")))?;
        earlier = now;
    }
}

/// Those that were named, or all.
fn shown(engine: &Engine, args: &Args) -> Result<Vec<Shown>, Failure> {
    if args.containers.is_empty() {
        let listed = engine.list(&Listing { all: args.all, ..Listing::default() })?;
        let all = listed.into_iter().map(|listed| listed.container.saved);
        return Ok(all.map(|saved| Shown { word: saved.id.clone(), id: saved.id, name: saved.name }).collect());
    }
    let find = |word: &String| {
        let saved = engine.find(word)?.saved;
        Ok(Shown { word: word.clone(), id: saved.id, name: saved.name })
    };
    args.containers.iter().map(find).collect()
}

/// Who goes away while all are looked at is left out.
fn look(engine: &Engine, shown: &[Shown]) -> Result<BTreeMap<String, Sample>, Failure> {
    let mut samples = BTreeMap::new();
    for one in shown {
        match engine.sample(&one.id) {
            Ok(sample) => drop(samples.insert(one.id.clone(), sample)),
            Err(failure) if failure.kind == process::FailureKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(samples)
}

fn row(one: &Shown, usage: &Usage, whole: bool) -> Value {
    tmap! {
        "BlockIO" => format!("{} / {}", human_size(usage.read), human_size(usage.written)),
        "CPUPerc" => format!("{:.2}%", usage.cpu),
        "Container" => one.word.as_str(),
        "ID" => if whole { one.id.as_str() } else { &one.id[..12] },
        "MemPerc" => format!("{:.2}%", usage.memory_share()),
        "MemUsage" => format!("{} / {}", memory_size(usage.memory), memory_size(usage.memory_limit)),
        "Name" => one.name.as_str(),
        "NetIO" => "0B / 0B",
        "PIDs" => usage.pids.to_string(),
    }
}
