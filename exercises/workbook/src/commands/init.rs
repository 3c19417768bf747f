//! `cargo wb init DIR`: a learner's directory, which is the workspace with holes in it.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::catalogue::{Catalogue, is_chapter};
use crate::fill::{self, Fill};
use crate::progress::Progress;
use crate::render::{self, BOLD};
use crate::terminal::say;
use crate::tree;
use crate::workspace::{STATE, Workspace};

/// For whoever looks into the directory of the state.
const README: &str = "\
The runner's own files. Leave them where they are.

pristine/  the sources without holes: `cargo wb diff`, `solution` and `reset` read them (they tell the answers)
saved/     what you had written when you typed `cargo wb reset`
";

/// The maintainers' tools, which a learner has no use for and should not wait for.
const MAINTAIN: &str = "exercises/maintain";

pub(crate) fn run(directory: &Path) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let catalogue = Catalogue::load(&workspace)?;
    let directory = free_place(&workspace, directory)?;
    let existed = directory.exists();
    if let Err(error) = fill_directory(&workspace, &catalogue, &directory) {
        // Half a workspace would look like a whole one.
        if !existed {
            let _ = fs::remove_dir_all(&directory);
        }
        return Err(error);
    }
    start_history(&directory);
    say(&farewell(&catalogue, &directory));
    Ok(ExitCode::SUCCESS)
}

/// Makes `directory` a learner's, out of the original.
pub(crate) fn fill_directory(workspace: &Workspace, catalogue: &Catalogue, directory: &Path) -> Result<()> {
    let with_holes = fill::files(catalogue);
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    for name in tree::files(workspace.root())? {
        if is_answer(&name) || name.starts_with(MAINTAIN) {
            continue;
        }
        tree::copy(workspace.root(), directory, &name)?;
        if name == Path::new("Cargo.lock") {
            let lock = without_maintain(&workspace.source(&name)?);
            tree::write_if_changed(&directory.join(&name), lock.as_bytes())?;
        }
        if with_holes.contains(name.as_path()) {
            let pristine = workspace.pristine(&name)?;
            let text = fill::file(&pristine, &name, catalogue, |_| Ok(Fill::Starter))?;
            tree::write_if_changed(&directory.join(&name), text.as_bytes())?;
            Workspace::keep_pristine(directory, &name, &pristine)?;
        } else if name.starts_with("chapters") && name.extension().is_some_and(|ext| ext == "rs" || ext == "toml") {
            Workspace::keep_pristine(directory, &name, &workspace.source(&name)?)?;
        }
    }
    tree::write_if_changed(&directory.join(STATE).join("README.txt"), README.as_bytes())?;
    Progress::load(directory)?.save()
}

/// `Cargo.lock` without the package that is not copied: cargo would take it out itself, and the learner's first commit would
/// no longer be what git sees. What that package alone needs would have to go, too; it needs nothing that others do not.
fn without_maintain(lock: &str) -> String {
    let parts = lock.split("[[package]]\n").filter(|part| !part.starts_with("name = \"maintain\"\n"));
    parts.collect::<Vec<_>>().join("[[package]]\n")
}

/// Whether a file tells about wrong answers, which would spoil the exercise: `exercises/chNN-name/ID/wrong/NAME`, and what
/// is written down about mutants.
fn is_answer(name: &Path) -> bool {
    let parts: Vec<&Path> = name.iter().map(Path::new).collect();
    let tells = ["wrong", "equal.toml", "mutants.toml"].map(Path::new);
    matches!(*parts, [first, chapter, _, file, ..]
        if first == Path::new("exercises") && is_chapter(chapter) && tells.contains(&file))
}

/// The absolute path of a directory that may be filled.
fn free_place(workspace: &Workspace, directory: &Path) -> Result<PathBuf> {
    let here = env::current_dir().context("find the current directory")?;
    let path = resolve(&here.join(directory))?;
    let root = resolve(workspace.root())?;
    if path.starts_with(&root) {
        bail!(
            "{} is inside the original\nhint: take a place outside of it, such as ../my-containers",
            directory.display()
        );
    }
    match fs::read_dir(&path) {
        Ok(mut entries) => ensure!(
            entries.next().is_none(),
            "{} is not empty\nhint: name a directory that does not exist yet",
            directory.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("look into {}", directory.display())),
    }
    Ok(path)
}

/// A path without links and dots, of which the end need not exist.
fn resolve(path: &Path) -> Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            part => resolved.push(part),
        }
        resolved = match resolved.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => resolved,
            other => other.with_context(|| format!("find {}", path.display()))?,
        };
    }
    Ok(resolved)
}

/// With git, the first commit is the empty holes: so `git diff` shows all that the learner did. Without, it does not.
fn start_history(directory: &Path) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let nobody: &[&str] = &["-c", "user.name=workbook", "-c", "user.email=workbook@localhost"];
    let known = git(&["config", "user.email"]) && git(&["config", "user.name"]);
    let author = if known { &[] } else { nobody };
    let commit: &[&str] =
        &["-c", "commit.gpgsign=false", "commit", "--quiet", "--message", "Begin with every hole empty"];
    let _ = git(&["init", "--quiet"]) && git(&["add", "--all"]) && git(&[author, commit].concat());
}

fn farewell(catalogue: &Catalogue, directory: &Path) -> String {
    let minutes = catalogue.iter().map(|exercise| exercise.minutes).sum();
    let exercises = render::count(catalogue.iter().count(), "exercise");
    format!(
        "{} is yours: {exercises}, about {}.\n\n{}\n  cd {}\n  cargo wb book serve --open\n  cargo wb check\n\n\
         The book shows your code. The first check builds for a minute, and then says what to write, and where.\n",
        directory.display(),
        render::duration(minutes),
        render::paint(BOLD, "Next:"),
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_answers_are_known_by_their_place() {
        let is_answer = |name: &str| is_answer(Path::new(name));
        assert!(is_answer("exercises/ch01-a/one/wrong/x.rs"));
        assert!(is_answer("exercises/ch01-a/one/equal.toml"));
        assert!(!is_answer("exercises/ch01-a/one/hints.md"));
        assert!(!is_answer("exercises/workbook/src/wrong/x.rs"));
        assert!(!is_answer("exercises/workbook/tests/fixture/exercises/ch01-a/one/wrong/x.rs"));
    }
}
