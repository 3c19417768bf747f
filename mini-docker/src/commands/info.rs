//! `info`.

use engine::Engine;
use process::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object.
    #[arg(long, value_name = "FORMAT", value_parser = ["json"])]
    format: Option<String>,
}

pub(crate) fn run(args: &Args, engine: &Engine) -> Result<u8, Failure> {
    let info = engine.info()?;
    if args.format.is_some() {
        anstream::println!("{}", serde_json::json!(info));
        return Ok(0);
    }
    anstream::println!("Server:");
    for (name, value) in info.lines() {
        anstream::println!(" {name}: {value}");
    }
    Ok(0)
}
