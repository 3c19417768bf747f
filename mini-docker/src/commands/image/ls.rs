//! `image ls`, `images`.

use std::io::Write;

use engine::{Engine, human_duration, human_size};
use images::Image;
use jiff::Timestamp;
use process::Failure;
use tabwriter::TabWriter;

use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only images of this name.
    name: Option<String>,
    /// Print ids only.
    #[arg(short, long)]
    quiet: bool,
    /// Print whole ids.
    #[arg(long)]
    no_trunc: bool,
}

pub(crate) fn run(args: &Args, engine: &Engine) -> Result<u8, Failure> {
    let mut table = TabWriter::new(Vec::new()).padding(3).minwidth(7);
    let mut lines = Vec::new();
    if !args.quiet {
        lines.push("REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE".to_owned());
    }
    for (name, image) in engine.images()? {
        let (repository, tag) = name.as_deref().and_then(|name| name.rsplit_once(':')).unwrap_or(("<none>", "<none>"));
        if args.name.as_deref().is_some_and(|wanted| wanted != repository && Some(wanted) != name.as_deref()) {
            continue;
        }
        let id = if args.no_trunc { image.id.as_str() } else { image.short_id() };
        if args.quiet {
            lines.push(id.to_owned());
        } else {
            let size = human_size(engine.image_size(&image)?);
            lines.push(format!("{repository}\t{tag}\t{id}\t{}\t{size}", created(&image)));
        }
    }
    for line in lines {
        // Writing to memory does not fail.
        let _ = writeln!(table, "{line}");
    }
    let text = table.into_inner().unwrap_or_default();
    outcome::print(String::from_utf8_lossy(&text))?;
    Ok(0)
}

/// "2 hours ago", or nothing for an image that does not say.
fn created(image: &Image) -> String {
    let created: Option<Timestamp> = image.config.created.as_ref().and_then(|text| text.parse().ok());
    created.map_or("N/A".into(), |then| {
        let seconds = Timestamp::now().duration_since(then).as_secs();
        format!("{} ago", human_duration(u64::try_from(seconds).unwrap_or(0)))
    })
}
