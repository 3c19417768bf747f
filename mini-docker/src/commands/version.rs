//! `version`.

use process::Failure;

use crate::format::print_object;
use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
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
