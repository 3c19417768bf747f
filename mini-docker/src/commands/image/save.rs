//! `save`.

use std::ffi::OsString;

use clap::{ArgMatches, Args as _, Command};
use engine::Engine;
use process::Failure;
use registry::{Event, Progress};

use crate::commands::archive;
use crate::commands::entry::{Context, Entry, of};
use crate::commands::registry::link;
use crate::commands::registry::transfer::Transfer;
use crate::flags::refused;

pub(crate) const ENTRY: Entry = Entry {
    name: "save",
    aliases: &[],
    about: "Write images as a tar archive, as any engine can load it",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    flags,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE", value_parser = clap::value_parser!(OsString))]
    output: Option<OsString>,
    /// Names or ids.
    #[arg(required = true, num_args = 1.., value_name = "IMAGE", hide = true)]
    images: Vec<String>,
}

fn flags(command: Command) -> Command {
    refused::augment(Args::augment_args(command), refused::SAVE)
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    refused::check(matches, refused::SAVE)?;
    let Args { output, images } = of(matches)?;
    archive::write("save image", output, |out| {
        let engine = context.open()?;
        fetch_dropped(context, &engine, &images)?;
        engine.save_images(&images, out)
    })
}

/// Layers go out as their registry packed them. If it cannot be asked, they are packed here.
fn fetch_dropped(context: &Context, engine: &Engine, images: &[String]) -> Result<(), Failure> {
    let dropped = engine.dropped_layers(images)?;
    if dropped.is_empty() {
        return Ok(());
    }
    let transfer = Transfer::new(true);
    let client = link::client(context, &transfer)?;
    for layer in dropped {
        if let Err(failure) = engine.fetch_layer(&client, &layer) {
            let text = format!("layer {} cannot be fetched: {failure}", layer.blob.digest);
            transfer.event(Event::Warning(&text));
        }
    }
    Ok(())
}
