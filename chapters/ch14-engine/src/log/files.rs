//! A log's files: the current one, and older ones with `.1`, `.2` … behind their name, as docker has them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// As docker has it.
pub(super) const MODE: u32 = 0o640;

/// The names of one log's files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    base: PathBuf,
    keep: u32,
    /// A directory of the log's own, made with the first file. The container's is never made: where it is missing, the
    /// container has been removed.
    own_directory: Option<PathBuf>,
}

impl Files {
    pub(crate) fn new(base: PathBuf, keep: u32) -> Self {
        Self { base, keep, own_directory: None }
    }

    /// In a directory of their own.
    pub(crate) fn in_directory(directory: PathBuf, name: &str, keep: u32) -> Self {
        Self { base: directory.join(name), keep, own_directory: Some(directory) }
    }

    /// The current file (age 0), or an older one.
    pub(crate) fn path(&self, age: u32) -> PathBuf {
        if age == 0 { self.base.clone() } else { self.with(&format!(".{age}")) }
    }

    /// An older one, packed.
    pub(crate) fn packed(&self, age: u32) -> PathBuf {
        self.with(&format!(".{age}.gz"))
    }

    /// Where one is packed.
    pub(crate) fn packing(&self) -> PathBuf {
        self.with(".gz.tmp")
    }

    fn with(&self, suffix: &str) -> PathBuf {
        let mut name = self.base.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// Where they are.
    pub(crate) fn directory(&self) -> &Path {
        self.base.parent().unwrap_or(Path::new("/"))
    }

    /// How many are kept.
    pub(crate) fn keep(&self) -> u32 {
        self.keep
    }

    /// Those that are there, newest first.
    pub(crate) fn existing(&self) -> Vec<PathBuf> {
        let aged = (1..self.keep).map(|age| [self.path(age), self.packed(age)]);
        // A number that is missing is the end: nobody keeps a million files.
        let there = aged.map(|both| both.into_iter().find(|path| path.exists())).take_while(Option::is_some).flatten();
        std::iter::once(self.path(0)).filter(|path| path.exists()).chain(there).collect()
    }

    /// Opens the current one to append to it.
    pub(crate) fn open(&self) -> io::Result<File> {
        let open = || OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(&self.base);
        match (open(), &self.own_directory) {
            (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
                fs::DirBuilder::new().mode(0o700).create(directory)?;
                open()
            }
            (other, _) => other,
        }
    }

    /// Makes room for a new current file: each becomes one older, the oldest goes. What was interrupted in the middle has
    /// left a gap, and only what is younger than the gap moves then.
    ///
    /// Whoever reads has the file open, and sees where it has gone by its inode.
    pub(crate) fn rotate(&self) -> io::Result<()> {
        let last = self.keep.saturating_sub(1);
        if last == 0 {
            return ignore_missing(fs::remove_file(&self.base));
        }
        let is_free = |age: &u32| !self.path(*age).exists() && !self.packed(*age).exists();
        let free = (1..last).find(is_free).unwrap_or(last);
        for age in (1..free).rev() {
            let (older, younger) = (age + 1, age);
            if older == last {
                // One of the two names would stay.
                ignore_missing(fs::remove_file(self.packed(older)))?;
                ignore_missing(fs::remove_file(self.path(older)))?;
            }
            ignore_missing(fs::rename(self.packed(younger), self.packed(older)))?;
            ignore_missing(fs::rename(self.path(younger), self.path(older)))?;
        }
        if free == 1 {
            ignore_missing(fs::remove_file(self.packed(1)))?;
        }
        ignore_missing(fs::rename(&self.base, self.path(1)))
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
