//! `info`.

use engine::Engine;
use process::Failure;

use crate::outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object.
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    format: Option<String>,
}

pub(crate) fn run(args: &Args, engine: &Engine) -> Result<u8, Failure> {
    let info = engine.info()?;
    if args.format.is_some() {
        outcome::print(format_args!("{}\n", serde_json::json!(info)))?;
    } else {
        let lines =
            info.lines().iter().fold(String::new(), |text, (name, value)| text + &format!(" {name}: {value}\n"));
        outcome::print(format_args!("Server:\n{lines}"))?;
    }
    Ok(0)
}
