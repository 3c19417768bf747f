//! `cargo wb bench`: what each step costs, and mini-docker beside its peers.
//!
//! Times of different machines, or of one machine on different days, say little. So all candidates run in one go, taking
//! turns, and what is reported is how they compare.

mod bundle;
mod daemon;
mod measure;
mod peers;
mod prices;
mod private;
mod table;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};

use crate::packages::{self, Purpose};
use crate::release;
use workbook::Workspace;

/// Where the tables are written.
const PAGE: &str = "benches/README.md";

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Only the comparison, without the benchmarks of the chapters.
    pub(crate) peers: bool,
    /// How often each candidate runs.
    pub(crate) rounds: usize,
    /// Put the tables into `benches/README.md`.
    pub(crate) write: bool,
}

/// Measures, prints, and writes if asked to.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    packages::install(Purpose::Bench)?;
    if !workbook::machine::is_root() {
        bail!("containers are made as root\nhint: sudo -E env PATH=$PATH cargo wb bench");
    }
    let binaries = release::build(root, &["mini-docker", "mini-runc"])?;
    let prices = if options.peers { None } else { Some(prices(root)?) };
    println!("\n== mini-docker and its peers: {} rounds, taking turns", options.rounds);
    let scratch = root.join("target/wb/peers");
    // A thread can have namespaces of its own, and all mounts in them end with it.
    let comparison =
        thread::scope(|scope| scope.spawn(|| peers::compare(root, &binaries, &scratch, options.rounds)).join());
    let removed = fs::remove_dir_all(&scratch);
    let comparison = comparison.map_err(|_| anyhow!("the comparison broke off"))??;
    removed.with_context(|| format!("remove {}", scratch.display()))?;

    let comparison = table::comparison(&comparison, &measure::machine());
    println!("\n{comparison}");
    if options.write {
        let path = root.join(PAGE);
        let mut page = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        page = table::replace(&page, "peers", &comparison)?;
        if let Some(prices) = prices {
            page = table::replace(&page, "prices", &prices)?;
        }
        fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
        println!("written to {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The benchmarks of the chapters, as a table.
fn prices(root: &Path) -> Result<String> {
    println!("\n== what each step costs");
    let start = SystemTime::now();
    let status = Command::new("cargo").args(["bench", "-p", "benches"]).current_dir(root).status();
    if !status.context("run cargo bench")?.success() {
        bail!("the benchmarks failed");
    }
    prices::table(&root.join("target/criterion"), start)
}
