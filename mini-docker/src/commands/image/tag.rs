//! `tag IMAGE NAME`.

use clap::{ArgMatches, Args as _};
use images::Reference;
use process::{Failure, FailureKind};

use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "tag",
    aliases: &[],
    about: "Give an image another name",
    usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name or id.
    #[arg(value_name = "SOURCE_IMAGE[:TAG]", hide = true)]
    image: String,
    /// The other name.
    #[arg(value_name = "TARGET_IMAGE[:TAG]", hide = true)]
    name: String,
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { image, name } = of(matches)?;
    let name: Reference = name.parse()?;
    if name.digest().is_some() {
        return Err(Failure::new(FailureKind::Invalid, "refusing to create a tag with a digest reference"));
    }
    context.open()?.tag_image(&image, &name)?;
    Ok(0)
}
