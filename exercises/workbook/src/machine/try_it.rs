//! Not written yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

pub(crate) fn run() -> Result<ExitCode> {
    bail!("not written yet")
}
