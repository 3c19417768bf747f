//! `cargo wb bench`: what each step costs, and mini-docker beside its peers.
//!
//! Times of different machines, or of one machine on different days, say little. So all candidates run in one go, taking
//! turns, and what is reported is how they compare.

mod bundle;
mod daemon;
mod engines;
mod floor;
mod images;
mod life;
mod load;
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
use peers::Binaries;
use workbook::Workspace;

use crate::packages::{self, Purpose};
use crate::release;

/// Where the tables are written.
const PAGE: &str = "benches/README.md";

/// For criterion: a median needs few samples, and there are some ninety steps. Its own defaults would take a quarter of an
/// hour.
const SAMPLES: [&str; 6] = ["--sample-size", "20", "--measurement-time", "1", "--warm-up-time", "0.3"];

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What each step costs.
    Prices,
    /// `run` beside its peers.
    Peers,
    /// What a busy disk does.
    Load,
    /// What comes after `run`.
    Life,
    /// Images on their way.
    Images,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    /// How often each candidate runs.
    pub(crate) rounds: usize,
    /// Put the tables into `benches/README.md`.
    pub(crate) write: bool,
}

/// Measures, prints, and writes if asked to.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    packages::install(Purpose::Bench)?;
    if !workbook::machine::is_root() {
        bail!("containers are made as root\nhint: sudo -E env PATH=$PATH cargo wb bench");
    }
    let binaries = Binaries {
        release: release::build(root, &["mini-docker", "mini-runc"])?,
        defaults: release::build_example(root, "benches", "docker-default", "dev")?,
    };
    let wanted = |part| options.parts.contains(&part);
    let scratch = root.join("target/wb/peers");
    let mut tables = Vec::new();
    if wanted(Part::Prices) {
        tables.push(("prices", prices(root)?));
    }
    if wanted(Part::Peers) {
        println!("\n== mini-docker and its peers: {} rounds, taking turns", options.rounds);
        let comparison = apart(&scratch, || peers::compare(&binaries, &scratch, options.rounds))?;
        tables.push(("peers", table::comparison(&comparison, &measure::machine())));
    }
    if wanted(Part::Load) {
        println!("\n== beside a writer on the same disk: {} rounds", options.rounds);
        let under_load = apart(&scratch, || peers::under_load(&binaries, &scratch, options.rounds))?;
        tables.push(("load", table::under_load(&under_load)));
    }
    if wanted(Part::Life) {
        println!("\n== the rest of a container's life: {} rounds", options.rounds);
        let life = apart(&scratch, || life::measure(&binaries, &scratch, options.rounds))?;
        tables.push(("life", table::life(&life)));
    }
    if wanted(Part::Images) {
        let bound = release::build_example(root, "benches", "pull-bound", "release")?;
        let rounds = options.rounds.div_ceil(images::FEWER);
        println!("\n== images on their way: {rounds} rounds");
        let images = apart(&scratch, || images::measure(&binaries, &bound, &scratch, rounds))?;
        tables.push(("images", table::images(&images)));
    }
    for (_, table) in &tables {
        println!("\n{table}");
    }
    if options.write {
        let path = root.join(PAGE);
        let mut page = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for (name, table) in &tables {
            page = table::replace(&page, name, table)?;
        }
        fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
        println!("written to {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it on a thread, which can have namespaces of its own: all mounts in them end with it. What is in `scratch` is removed.
fn apart<T: Send>(scratch: &Path, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let result = thread::scope(|scope| scope.spawn(work).join());
    let removed = fs::remove_dir_all(scratch);
    let result = result.map_err(|_| anyhow!("the measurement broke off"))??;
    removed.with_context(|| format!("remove {}", scratch.display()))?;
    Ok(result)
}

/// The benchmarks of the chapters, as a table.
fn prices(root: &Path) -> Result<String> {
    println!("\n== what each step costs");
    let start = SystemTime::now();
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "-p", "benches", "--"]).args(SAMPLES).current_dir(root);
    let status = cargo.status();
    if !status.context("run cargo bench")?.success() {
        bail!("the benchmarks failed");
    }
    prices::table(&root.join("target/criterion"), start)
}
