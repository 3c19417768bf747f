//! `history`.

use clap::{ArgMatches, Args as _};
use engine::{HistoryStep, human_size};
use gotmpl::{Value, tmap};
use jiff::tz::TimeZone;
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::commands::image::ago;
use crate::format::{Table, ellipsis};
use crate::outcome;
use crate::visible::visible;

pub(crate) const ENTRY: Entry = Entry {
    name: "history",
    aliases: &[],
    about: "Show the steps in which an image was made",
    usage: "[OPTIONS] IMAGE",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// table, table TEMPLATE, json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Sizes and moments for people.
    #[arg(
        short = 'H',
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    human: bool,
    /// Print whole ids and commands.
    #[arg(long)]
    no_trunc: bool,
    /// Print ids only.
    #[arg(short, long)]
    quiet: bool,
    /// The image's name or id.
    #[arg(value_name = "IMAGE", hide = true)]
    image: String,
}

const TABLE: Table = Table {
    usual: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
    fields: &[
        ("Comment", "COMMENT"),
        ("CreatedAt", "CREATED AT"),
        ("CreatedBy", "CREATED BY"),
        ("CreatedSince", "CREATED"),
        ("ID", "IMAGE"),
        ("Size", "SIZE"),
    ],
};

/// Of a command.
const LONGEST: usize = 45;

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let steps = context.open()?.history(&args.image)?;
    let rows: Vec<Value> = steps.iter().map(|step| row(step, &args)).collect();
    outcome::print(TABLE.show(args.format.as_deref(), args.quiet, &rows)?)?;
    Ok(0)
}

fn row(step: &HistoryStep, args: &Args) -> Value {
    let id = step.image.as_deref().unwrap_or("<missing>");
    let command = step.created_by.replace('\t', " ");
    // A table is for eyes, and the image chose these words.
    let shown = |text: &str| if args.format.is_none() { visible(text) } else { text.to_owned() };
    let command = shown(&command);
    // As Go writes what has no date.
    let at = step.created.map_or("0001-01-01T00:00:00Z".into(), |moment| {
        moment.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().replace("+00:00", "Z")
    });
    let since = if args.human { step.created.map_or("N/A".into(), ago) } else { at.clone() };
    tmap! {
        "Comment" => shown(&step.comment),
        "CreatedAt" => at,
        "CreatedBy" => if args.no_trunc { command } else { ellipsis(&command, LONGEST) },
        "CreatedSince" => since,
        "ID" => if args.no_trunc { id } else { short(id) },
        "Size" => if args.human { human_size(step.size) } else { step.size.to_string() },
    }
}

/// The 12 digits that people see.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}
