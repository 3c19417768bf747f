//! Where we are: the original that authors write, or the directory of a learner with holes in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::tree;

/// What makes a directory a learner's: the state that `init` keeps there.
pub(crate) const STATE: &str = ".workbook";
/// Below [`STATE`]: the sources as they are without holes.
const PRISTINE: &str = "pristine";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Origin,
    Learner,
}

/// A directory with chapters and exercises.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    role: Role,
}

impl Workspace {
    /// The workspace that the current directory is in.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().context("find the current directory")?;
        here.ancestors().find(|path| is_workspace(path)).map(Self::at).ok_or_else(|| {
            anyhow!(
                "{} is not in a workbook\nhint: go to the directory with chapters/ and exercises/ in it",
                here.display()
            )
        })
    }

    pub(crate) fn at(root: &Path) -> Self {
        // Either of them may have been lost.
        let is_learners = root.join(STATE).is_dir() || root.join("progress.txt").is_file();
        let role = if is_learners { Role::Learner } else { Role::Origin };
        Self { root: root.to_owned(), role }
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn require_learner(&self) -> Result<()> {
        if self.role == Role::Origin {
            bail!(
                "this is the original: everything in it is solved already\n\
                 hint: make a directory of your own with `cargo wb init DIR`, and type this again in there"
            );
        }
        Ok(())
    }

    /// Refuses a learner's directory.
    pub fn require_origin(&self) -> Result<()> {
        if self.role == Role::Learner {
            bail!(
                "this is a learner's directory, with holes in it\n\
                 hint: this command is for the original, where the exercises are written"
            );
        }
        Ok(())
    }

    /// Where things can be written that may vanish.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("target/wb")
    }

    /// A source file as it is now.
    pub(crate) fn source(&self, file: &Path) -> Result<String> {
        read(&self.root.join(file))
    }

    /// A source file without holes.
    pub(crate) fn pristine(&self, file: &Path) -> Result<String> {
        match self.role {
            Role::Origin => self.source(file),
            Role::Learner => {
                let kept = self.root.join(STATE).join(PRISTINE).join(file);
                if !kept.exists() {
                    self.heal(file);
                }
                read(&kept).with_context(|| {
                    format!("what `cargo wb init` kept of {} is lost (hint: a new directory has it)", file.display())
                })
            }
        }
    }

    /// Gets a kept source file out of the first commit, if it was lost and there is one.
    fn heal(&self, file: &Path) {
        let git = |arguments: &[&str]| {
            let output =
                Command::new("git").args(arguments).current_dir(&self.root).stderr(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let Some(first) = git(&["rev-list", "--max-parents=0", "HEAD"]) else { return };
        let name = format!("{}:./{STATE}/{PRISTINE}/{}", first.trim(), file.display());
        if let Some(text) = git(&["show", &name]) {
            // Whoever reads it says what is wrong.
            let _ = Self::keep_pristine(&self.root, file, &text);
        }
    }

    /// The files that are kept without holes: where learners need not change more than the holes.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        tree::files_below(&self.root.join(STATE).join(PRISTINE))
    }

    /// Keeps a source file without holes in the learner's directory `root`, for [`Workspace::pristine`].
    pub(crate) fn keep_pristine(root: &Path, file: &Path, text: &str) -> Result<()> {
        tree::write_if_changed(&root.join(STATE).join(PRISTINE).join(file), text.as_bytes()).map(|_| ())
    }
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn is_workspace(path: &Path) -> bool {
    path.join("exercises").is_dir() && path.join("chapters").is_dir() && path.join("Cargo.toml").is_file()
}
