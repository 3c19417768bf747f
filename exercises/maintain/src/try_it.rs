//! `cargo wb try`: from a clone to a running container, and what happened on the way.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::packages::{self, Purpose};
use crate::release;
use workbook::Workspace;

/// Looks at the machine, installs, builds, runs.
pub(crate) fn run() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    println!("1. The machine");
    packages::install(Purpose::Try)?;
    let healthy = workbook::machine::doctor::run()?;
    if healthy != ExitCode::SUCCESS {
        return Ok(healthy);
    }
    println!("\n2. mini-docker");
    let binary = release::build(workspace.root(), &["mini-docker", "mini-runc"])?.join("mini-docker");
    println!("built {}", binary.display());
    let mini_docker = |arguments: &[&str]| -> Result<()> {
        println!("$ mini-docker {}", arguments.join(" "));
        let status =
            Command::new(&binary).args(arguments).status().with_context(|| format!("run {}", binary.display()))?;
        if status.success() { Ok(()) } else { bail!("mini-docker {} failed: {status}", arguments.join(" ")) }
    };
    println!("\n3. An image, from this machine's static busybox");
    mini_docker(&["image", "bootstrap", "busybox"])?;
    println!("\n4. A container, and what it took");
    mini_docker(&["run", "--rm", "--explain", "busybox", "echo", "hello from a container"])?;
    println!(
        "\nThat was a container. Go in and look around:\n\n  {} run --rm -it busybox\n\nThen read how it works:   cargo wb book serve\nAnd build your own:       cargo wb init ../my-docker",
        binary.display()
    );
    Ok(ExitCode::SUCCESS)
}
