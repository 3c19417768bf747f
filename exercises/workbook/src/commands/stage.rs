//! `cargo wb stage chNN [COMMAND…]`: the container as far as a chapter goes, out of what stands in this directory.

mod apart;
mod rootfs;

use std::env;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Write, stderr};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::build::cargo;
use crate::catalogue::{Catalogue, directories, is_chapter, names_chapter};
use crate::exercise::Exercise;
use crate::hole;
use crate::learner::untouched;
use crate::machine::is_root;
use crate::render::{self, BAD};
use crate::terminal::Status;
use crate::workspace::Workspace;

pub(crate) use apart::become_init;

/// As docker, when the engine fails and not the command.
const ENGINE_FAILED: u8 = 125;

/// The environment variable that names a directory with stages in it; for tests.
const READY: &str = "WB_STAGES";

pub(crate) fn run(chapter: &str, command: &[OsString]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let catalogue = Catalogue::load(&workspace)?;
    let directory = find(&workspace, chapter)?;
    let binary = match env::var_os(READY) {
        Some(stages) => ready(Path::new(&stages), &directory)?,
        None => build(&workspace, &directory)?,
    };
    let mut arguments: Vec<OsString> = Vec::new();
    let usage = usage(&directory);
    let root = usage.contains("ROOTFS").then(|| rootfs::make(&workspace.scratch().join("rootfs"))).transpose()?;
    arguments.extend(root.as_ref().map(|root| root.clone().into_os_string()));
    let fetches = usage.contains("REGISTRY");
    if command.is_empty() {
        arguments.push("sh".into());
    }
    arguments.extend(command.iter().cloned());
    let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let open: Vec<&Exercise> = catalogue
        .iter()
        .filter(|exercise| exercise.chapter() <= name.as_str() && untouched(&workspace, exercise))
        .collect();
    let scratch = workspace.scratch().join("stage");
    let written = if fetches { Some(images()?) } else { root };
    let apart = is_root().then(|| apart::Apart::prepare(&scratch, written.as_deref(), fetches)).transpose()?;
    let mut program = apart.as_ref().map_or_else(|| Ok(Command::new(&binary)), |apart| apart.command(&binary))?;
    program.args(&arguments).env("RUST_BACKTRACE", "0");
    // A terminal's prompt goes to standard error: it is read only where an open hole may be reached.
    if !open.is_empty() {
        program.stderr(Stdio::piped());
    }
    let mut child = program.spawn().with_context(|| format!("run {}", binary.display()))?;
    let reached = relay(&mut child, &open);
    let status = child.wait().context("wait for the container")?;
    drop(apart);
    Ok(conclude(reached, status))
}

/// The chapter that someone means, and that has a stage.
fn find(workspace: &Workspace, word: &str) -> Result<PathBuf> {
    let all = directories(&workspace.root().join("chapters"))?;
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stages: Vec<&PathBuf> =
        all.iter().filter(|path| is_chapter(path) && path.join("examples/stage.rs").is_file()).collect();
    let Some(found) = stages.iter().find(|path| names_chapter(word, &name(path))) else {
        let names: Vec<String> = stages.iter().map(|path| name(path)).collect();
        bail!("no chapter {word:?} has a stage\nhint: these have: {}", names.join(", "))
    };
    Ok((*found).clone())
}

/// The stage among those that somebody has built already: the sessions of the book run where nothing is built.
fn ready(stages: &Path, chapter: &Path) -> Result<PathBuf> {
    let name = chapter.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let binary = stages.join(format!("stage-{}", name.split('-').next().unwrap_or_default()));
    let package = name.split_once('-').map_or("", |(_, package)| package);
    ensure!(binary.is_file(), "{} is not built\nhint: cargo build --package {package} --examples", binary.display());
    Ok(binary)
}

/// Builds the stage, without a word unless it cannot be built. Only this chapter and those below it are compiled.
fn build(workspace: &Workspace, chapter: &Path) -> Result<PathBuf> {
    let name = chapter.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (number, package) = name.split_once('-').with_context(|| format!("{name} is no chapter"))?;
    let target = workspace.root().join("target");
    let status = Status::new();
    status.show(&format!("building the stage of {name}"));
    let output = Command::new(cargo())
        .args(["build", "--quiet", "--package", package, "--example", &format!("stage-{number}")])
        .current_dir(workspace.root())
        .env("CARGO_TARGET_DIR", &target)
        .stdin(Stdio::null())
        .output()
        .context("run cargo")?;
    status.clear();
    ensure!(
        output.status.success(),
        "the stage of {name} does not compile\n\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(target.join("debug/examples").join(format!("stage-{number}")))
}

/// What a stage wants for its arguments, in its own words: a `ROOTFS`, an `IMAGE`, one that may be at a `REGISTRY`.
fn usage(chapter: &Path) -> String {
    let text = std::fs::read_to_string(chapter.join("examples/stage.rs")).unwrap_or_default();
    text.lines().find(|line| line.starts_with("//! `stage ")).unwrap_or_default().to_owned()
}

/// Where mini-docker keeps images, for stages that fetch some.
fn images() -> Result<PathBuf> {
    let root = env::var_os("MINI_DOCKER_ROOT").map_or_else(|| "/var/lib/mini-docker".into(), PathBuf::from);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&root);
    made.and_then(|()| root.canonicalize()).with_context(|| format!("create {}", root.display()))
}

/// Passes on what the container says on standard error, except for the panic of an open hole: whose it is, is returned.
fn relay(child: &mut Child, open: &[&Exercise]) -> Option<String> {
    let from = child.stderr.take()?;
    let mut reached = None;
    let mut held = Vec::new();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line).into_owned();
        if let Some(exercise) = open.iter().find(|exercise| text.contains(&hole::still_open(&exercise.id))) {
            reached = Some(exercise.id.clone());
            held.clear();
        } else if reached.is_none() {
            // What stands above the message of a panic: an empty line, and the place.
            let is_head = text.is_empty() || text.starts_with("thread '") && text.contains(" panicked at ");
            held.extend_from_slice(&line);
            held.push(b'\n');
            if !is_head {
                let _ = stderr().write_all(&held);
                held.clear();
            }
        }
    }
    let _ = stderr().write_all(&held);
    reached
}

fn conclude(reached: Option<String>, status: ExitStatus) -> ExitCode {
    if let Some(id) = reached {
        anstream::eprintln!("{} {}\nhint: cargo wb check {id}", render::paint(BAD, "Error:"), hole::still_open(&id));
        return ExitCode::from(ENGINE_FAILED);
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    ExitCode::from(u8::try_from(code).unwrap_or(ENGINE_FAILED))
}
