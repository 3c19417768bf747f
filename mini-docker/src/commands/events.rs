//! `events`, `system events`.

use clap::{ArgMatches, Args as _};
use engine::events::{Event, EventQuery};
use engine::filters::Filter;
use engine::moment::{MomentError, moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use process::{Failure, FailureKind};
use serde_json::json;
use std::io;

use crate::commands::entry::{Context, Entry, of};
use crate::flags::values;
use crate::format::{Template, UNREADABLE};
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "events",
    aliases: &[],
    about: "Tell what happens, and what has happened",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those that fit: type, event, container, image, label, …
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = values::filter)]
    filter: Vec<Filter>,
    /// json or a TEMPLATE.
    #[arg(long, value_name = "FORMAT", default_value = "", hide_default_value = true)]
    format: String,
    /// Also what has happened since then: 10m, 2026-01-02T15:04:05Z, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// End there.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// How each is printed.
enum Look {
    Text(TimeZone),
    Json,
    Filled(Box<Template>),
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let look = match args.format.as_str() {
        "" => Look::Text(TimeZone::system()),
        "json" => Look::Json,
        format => match Template::parse(format, &[]) {
            Ok(template) => Look::Filled(Box::new(template)),
            Err(failure) => {
                outcome::report(&failure);
                return Ok(UNREADABLE);
            }
        },
    };
    let now = Timestamp::now();
    let time = |text: Option<String>| -> Result<Option<Timestamp>, MomentError> {
        text.filter(|text| !text.is_empty()).map(|text| moment(&text, now)).transpose()
    };
    let query =
        EventQuery { since: time(args.since)?, until: time(args.until)?, filters: args.filter.into_iter().collect() };
    let mut unfit = None;
    let told = context.open()?.events(&query, |event| {
        let line = line(event, &look).and_then(|line| outcome::print(format_args!("{line}\n")));
        line.map_err(|failure| {
            unfit = Some(failure);
            io::Error::other("it is not printed")
        })
    });
    match (told, unfit) {
        (_, Some(failure)) if failure.kind == FailureKind::Invalid => {
            outcome::report(&failure);
            Ok(UNREADABLE)
        }
        (_, Some(failure)) => Err(failure),
        (told, None) => told.map(|()| 0),
    }
}

fn line(event: &Event, look: &Look) -> Result<String, Failure> {
    let failed = |error: serde_json::Error| Failure::new(FailureKind::System, error.to_string());
    match look {
        Look::Text(zone) => Ok(event.text(zone)),
        Look::Json => serde_json::to_string(event).map_err(failed),
        Look::Filled(template) => {
            let actor = json!({ "ID": event.actor.id, "Attributes": event.actor.attributes });
            let fields = json!({
                "Status": event.status, "ID": event.id, "From": event.from, "Type": event.kind.name(),
                "Action": event.action, "Actor": actor, "Scope": event.scope, "Time": event.time,
                "TimeNano": event.time_nano,
            });
            template.fill_json(&engine::Ordered::of(&fields).map_err(failed)?)
        }
    }
}
