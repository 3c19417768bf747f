//! `image tree`.

use clap::{ArgMatches, Args as _};
use engine::{Branch, human_size};
use gotmpl::{Value, tmap};
use layers::DiffId;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::format::Table;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "tree",
    aliases: &[],
    about: "Show which images share which layers",
    usage: "[OPTIONS] [IMAGE...]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Print whole digests.
    #[arg(long)]
    no_trunc: bool,
    /// Only what these share with others.
    #[arg(value_name = "IMAGE", hide = true)]
    images: Vec<String>,
}

const TABLE: Table = Table {
    usual: "{{.TopLayer}}\t{{.Layers}}\t{{.Unpacked}}\t{{.Packed}}\t{{.Images}}",
    fields: &[
        ("Images", "IMAGES"),
        ("Layers", "LAYERS"),
        ("Packed", "PACKED"),
        ("TopLayer", "TOP LAYER"),
        ("Unpacked", "UNPACKED"),
    ],
};

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let trunks = context.open()?.image_tree(&args.images)?;
    let mut rows = Vec::new();
    for trunk in &trunks {
        add(trunk, "", "", args.no_trunc, &mut rows);
    }
    outcome::print(TABLE.fill(args.format.as_deref().unwrap_or_default(), &rows)?)?;
    Ok(0)
}

/// A row for the branch, whose line begins with `first`, and then for all on it, whose lines begin with `others`.
fn add(branch: &Branch, first: &str, others: &str, whole: bool, rows: &mut Vec<Value>) {
    let top = branch.layers.last().map_or("(none)".into(), |layer| shown(layer, whole));
    rows.push(tmap! {
        "Images" => branch.images.join(", "),
        "Layers" => branch.layers.len().to_string(),
        "Packed" => human_size(branch.packed),
        "TopLayer" => format!("{first}{top}"),
        "Unpacked" => human_size(branch.unpacked),
    });
    let last = branch.branches.len().saturating_sub(1);
    for (number, next) in branch.branches.iter().enumerate() {
        let (fork, line) = if number == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        add(next, &format!("{others}{fork}"), &format!("{others}{line}"), whole, rows);
    }
}

/// As people see it, or whole.
pub(crate) fn shown(layer: &DiffId, whole: bool) -> String {
    if whole { layer.to_string() } else { layer.hex().chars().take(12).collect() }
}
