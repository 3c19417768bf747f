//! `version`.

use clap::{ArgMatches, Args as _};
use process::Failure;

use crate::commands::entry::{Context, Entry, of};
use crate::format::print_object;
use crate::outcome;

pub(crate) const ENTRY: Entry = Entry {
    name: "version",
    aliases: &[],
    about: "Show the version",
    usage: "[OPTIONS]",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

fn run(matches: &ArgMatches, _context: &Context) -> Result<u8, Failure> {
    let args: Args = of(matches)?;
    let (version, architecture) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let oci = runtime::spec::OCI_VERSION;
    if let Some(format) = args.format.as_deref().filter(|format| !format.is_empty()) {
        let object = serde_json::json!({
            "Client": { "Version": version, "Os": "linux", "Arch": architecture, "OCIRuntimeSpec": oci },
        });
        return print_object(format, &object);
    }
    outcome::print(format_args!(
        "mini-docker\n Version:           {version}\n OS/Arch:           linux/{architecture}\n OCI runtime spec:  {oci}\n"
    ))?;
    Ok(0)
}
