//! Paths in a container: resolved by the kernel, with the container's root as the root.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use rootfs::{RootDir, RootDirError};

use super::{Destination, End, Found, Source};
use crate::copy_error::CopyError;

/// What is to be copied out of the container `name`.
///
/// # Errors
/// [`CopyError`].
pub(crate) fn source(root: &RootDir, name: &str, asked: &Path, follow: bool) -> Result<Source, CopyError> {
    let missing = || CopyError::NotFound(asked.into(), name.into());
    let end = End::of(asked);
    let Some(last) = asked.file_name().map(PathBuf::from) else {
        // The root, or `..`: nothing that it could be called by.
        let directory = root.resolve(asked).map_err(|_| missing())?;
        let own_name = if end.contents { "." } else { "/" }.into();
        return Ok(Source { directory, name: PathBuf::new(), own_name, called: PathBuf::new(), is_directory: true });
    };
    let mut path = asked.to_path_buf();
    if end.directory || (follow && root.is_link(asked).map_err(|_| missing())?) {
        path = root.place_of(asked, &[]).map_err(|_| missing())?;
    }
    // A link that leads to the root has no other name than its own.
    let target = path.file_name().map(PathBuf::from);
    let parent = root.resolve(path.parent().unwrap_or(Path::new("/")));
    let parent = parent.map_err(|error| if is(&error, Errno::ENOTDIR) { not_directory(asked) } else { missing() })?;
    let found = look(&parent, target.as_deref().unwrap_or(Path::new("."))).map_err(|errno| match errno {
        Errno::ENOTDIR => not_directory(asked),
        _ if follow && path != asked => CopyError::NotFound(path.clone(), name.into()),
        _ => missing(),
    })?;
    let is_directory = is_directory(&found);
    if end.directory && !is_directory {
        return Err(not_directory(asked));
    }
    let called = if end.contents { PathBuf::new() } else { last.clone() };
    let own_name = match &target {
        _ if end.contents => ".".into(),
        Some(target) if !end.directory => target.clone(),
        _ => last,
    };
    if is_directory {
        let directory = root.resolve(&path).map_err(|_| missing())?;
        return Ok(Source { directory, name: PathBuf::new(), own_name, called, is_directory });
    }
    // The kernel makes it up while it is read.
    if layers::is_pseudo(&parent).unwrap_or(true) {
        return Err(missing());
    }
    Ok(Source { directory: parent, name: target.unwrap_or_default(), own_name, called, is_directory })
}

/// Where `source` goes in the container `name`.
///
/// # Errors
/// [`CopyError`].
pub(crate) fn destination(root: &RootDir, name: &str, asked: &Path, source: &Source) -> Result<Destination, CopyError> {
    let missing = |path: &Path| CopyError::NotFound(path.into(), name.into());
    if asked.as_os_str().is_empty() {
        return Err(CopyError::NoDirectory);
    }
    let mut path = Path::new("/").join(asked);
    // A link that leads to nothing says where to make it.
    if root.is_link(&path).unwrap_or(false) {
        path = root.place_of(&path, &[]).map_err(|_| missing(asked))?;
    }
    let found = match root.resolve(&path) {
        Ok(there) if fstat(&there).is_ok_and(|found| is_directory(&found)) => Found::Directory(there),
        Ok(_) => Found::Other,
        Err(error) if error.is_not_found() => Found::Nothing,
        Err(_) => return Err(missing(asked)),
    };
    source.to(found, End::of(asked), || {
        let parent = path.parent().unwrap_or(Path::new("/"));
        let directory = root.resolve(parent).map_err(|error| match error {
            error if is(&error, Errno::ENOTDIR) => CopyError::NotExtractionPoint,
            _ => missing(parent),
        })?;
        if !fstat(&directory).is_ok_and(|found| is_directory(&found)) {
            return Err(CopyError::NotExtractionPoint);
        }
        let name = path.file_name().ok_or(CopyError::NoDirectory)?;
        Ok(Destination { directory, name: name.into() })
    })
}

/// The directory `asked` in the container `name`.
///
/// # Errors
/// [`CopyError::MustBeDirectory`].
pub(crate) fn directory(root: &RootDir, name: &str, asked: &Path) -> Result<OwnedFd, CopyError> {
    let refused = || CopyError::MustBeDirectory(name.into(), asked.into());
    if asked.as_os_str().is_empty() {
        return Err(refused());
    }
    let found = root.resolve(asked).map_err(|_| refused())?;
    if fstat(&found).is_ok_and(|found| is_directory(&found)) { Ok(found) } else { Err(refused()) }
}

fn look(directory: &OwnedFd, name: &Path) -> Result<FileStat, Errno> {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn is_directory(found: &FileStat) -> bool {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}

fn is(error: &RootDirError, wanted: Errno) -> bool {
    matches!(error, RootDirError::Path { errno, .. } if *errno == wanted)
}

fn not_directory(asked: &Path) -> CopyError {
    CopyError::NotDirectoryInside(asked.into())
}
