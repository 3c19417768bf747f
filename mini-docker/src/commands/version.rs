//! `version`.

use process::Failure;

use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object.
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    format: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let (version, architecture) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let oci = runtime::spec::OCI_VERSION;
    if args.format.is_some() {
        let object = serde_json::json!({
            "Client": { "Version": version, "Os": "linux", "Arch": architecture, "OCIRuntimeSpec": oci },
        });
        outcome::print(format_args!("{object}\n"))?;
    } else {
        outcome::print(format_args!(
            "mini-docker\n Version:           {version}\n OS/Arch:           linux/{architecture}\n OCI runtime spec:  {oci}\n"
        ))?;
    }
    Ok(0)
}
