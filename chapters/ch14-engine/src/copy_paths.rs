//! What the two paths of `cp` mean. The rules are docker's, which are those of `cp -r`, but that nothing is guessed: a
//! slash at the end says that it is a directory, and `/.` that what is in it is meant.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::copy_error::CopyError;

pub(crate) mod inside;
pub(crate) mod outside;

/// What is copied: a directory, or one file in it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) directory: OwnedFd,
    /// Empty for the directory itself.
    pub(crate) name: PathBuf,
    /// What an archive calls it.
    pub(crate) own_name: PathBuf,
    /// As it was asked for: a link's name, where it is followed.
    called: PathBuf,
    is_directory: bool,
}

/// Where it goes.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) directory: OwnedFd,
    /// What it is called there; empty for the directory itself, which stays as it is.
    pub(crate) name: PathBuf,
}

/// What stands at a destination.
enum Found {
    Directory(OwnedFd),
    Other,
    Nothing,
}

/// What a path says by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// It is a directory.
    directory: bool,
    /// What is in it is meant.
    contents: bool,
}

impl End {
    fn of(path: &Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let contents = bytes == b"." || bytes.ends_with(b"/.");
        Self { directory: contents || bytes.ends_with(b"/"), contents }
    }
}

impl Source {
    /// Where it goes, when `found` is at a path with that end. `parent` finds the directory that the path is in, and the
    /// name there.
    fn to(
        &self,
        found: Found,
        end: End,
        parent: impl FnOnce() -> Result<Destination, CopyError>,
    ) -> Result<Destination, CopyError> {
        match found {
            Found::Directory(directory) => Ok(Destination { directory, name: self.called.clone() }),
            Found::Other if self.is_directory => Err(CopyError::OntoFile),
            Found::Other | Found::Nothing if end.directory && !self.is_directory => Err(CopyError::NoDirectory),
            Found::Other | Found::Nothing => parent(),
        }
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, nix::errno::Errno> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_says_what_is_meant() {
        let end = |text: &str| {
            let End { directory, contents } = End::of(Path::new(text));
            (directory, contents)
        };
        assert_eq!(
            [end("a"), end("a/"), end("a/."), end("."), end("/"), end("a/.."), end(".a")],
            [(false, false), (true, false), (true, true), (true, true), (true, false), (false, false), (false, false)]
        );
    }
}
