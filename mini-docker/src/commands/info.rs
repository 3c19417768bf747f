//! `info`.

use engine::Engine;
use process::Failure;

use crate::format::print_object;
use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json or a TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

pub(crate) fn run(args: &Args, engine: &Engine) -> Result<u8, Failure> {
    let info = engine.info()?;
    if let Some(format) = args.format.as_deref().filter(|format| !format.is_empty()) {
        return print_object(format, &info);
    }
    let lines = info.lines().iter().fold(String::new(), |text, (name, value)| text + &format!(" {name}: {value}\n"));
    outcome::print(format_args!("Server:\n{lines}"))?;
    Ok(0)
}
