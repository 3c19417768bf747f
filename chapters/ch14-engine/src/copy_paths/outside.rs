//! Paths of the caller, who is trusted: links lead where they lead.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf, absolute};

use super::{Destination, End, Found, Source, open_directory};
use crate::copy_error::CopyError;

/// As many links as the kernel follows.
const LINKS: usize = 40;

/// What is to be copied.
///
/// # Errors
/// [`CopyError`].
pub(crate) fn source(asked: &Path, follow: bool) -> Result<Source, CopyError> {
    let end = End::of(asked);
    let failed = |path: &Path| {
        let path = whole(path);
        move |error| CopyError::Outside(path, error)
    };
    // A slash at its end would already follow a link, and complain in other words.
    let plain = without_end(asked);
    let link = fs::symlink_metadata(&plain).map_err(|error| failed(&first_missing(&plain))(error))?;
    let followed = link.file_type().is_symlink() && (follow || end.directory);
    let path = if followed { fs::canonicalize(&plain).map_err(|error| failed(&target(&plain))(error))? } else { plain };
    let found: Metadata = if followed { fs::metadata(&path).map_err(failed(&path))? } else { link };
    if end.directory && !found.is_dir() {
        return Err(CopyError::NotDirectory);
    }
    let is_directory = found.is_dir();
    // `..` has a name only where it leads to.
    let last = |path: &Path| {
        path.file_name().map(PathBuf::from).or_else(|| Some(fs::canonicalize(path).ok()?.file_name()?.into()))
    };
    let called = if end.contents { PathBuf::new() } else { last(&without_end(asked)).unwrap_or_default() };
    let (directory, name) = if is_directory {
        (path, PathBuf::new())
    } else {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (parent.to_path_buf(), last(&path).unwrap_or_default())
    };
    let opened = open_directory(&directory).map_err(|errno| failed(&directory)(errno.into()))?;
    Ok(Source { directory: opened, name, own_name: called.clone(), called, is_directory })
}

/// Whether something may be written at a path, as far as the path says it.
///
/// # Errors
/// [`CopyError`].
pub(crate) fn check(asked: &Path) -> Result<(), CopyError> {
    let plain = without_end(asked);
    let parent = plain.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::metadata(parent).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(CopyError::NoParent(whole(parent)));
    }
    match fs::metadata(asked) {
        Ok(found) => kind(found.file_type()).map_or(Ok(()), |kind| Err(CopyError::OutputKind(asked.into(), kind))),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            // Its slash is what is wrong.
            Err(CopyError::Output(absolute(".").unwrap_or_default().join(asked), error))
        }
        Err(_) => Ok(()),
    }
}

/// Where `source` goes.
///
/// # Errors
/// [`CopyError`].
pub(crate) fn destination(asked: &Path, source: &Source) -> Result<Destination, CopyError> {
    let failed = |path: &Path| {
        let path = whole(path);
        move |error| CopyError::Outside(path, error)
    };
    let path = end_of_links(asked);
    let found = match fs::metadata(&path) {
        Ok(found) if found.is_dir() => {
            Found::Directory(open_directory(&path).map_err(|errno| failed(&path)(errno.into()))?)
        }
        Ok(_) => Found::Other,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
        Err(error) => return Err(failed(&path)(error)),
    };
    source.to(found, End::of(asked), || {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = open_directory(parent).map_err(|_| CopyError::NoParent(whole(parent)))?;
        let name = path.file_name().ok_or(CopyError::NoDirectory)?;
        Ok(Destination { directory, name: name.into() })
    })
}

/// A link that leads to nothing says where to make it.
fn end_of_links(asked: &Path) -> PathBuf {
    let mut path = without_end(asked);
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(text) => path = path.parent().unwrap_or(Path::new("")).join(text),
            Err(_) => break,
        }
    }
    path
}

fn target(link: &Path) -> PathBuf {
    first_missing(&end_of_links(link))
}

/// The first directory on the way that is not there: docker names it.
fn first_missing(path: &Path) -> PathBuf {
    let mut missing = path.to_path_buf();
    for ancestor in path.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        if fs::symlink_metadata(ancestor).is_ok() {
            break;
        }
        missing = ancestor.into();
    }
    missing
}

/// Without what a path says by its end.
fn without_end(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().collect();
    if plain.as_os_str().is_empty() { ".".into() } else { plain }
}

fn whole(path: &Path) -> PathBuf {
    let whole = absolute(path).unwrap_or_else(|_| path.into());
    whole.components().collect()
}

/// What no file is written to, in docker's words.
fn kind(kind: FileType) -> Option<&'static str> {
    match kind {
        _ if kind.is_char_device() || kind.is_block_device() => Some("device"),
        _ if kind.is_socket() => Some("socket"),
        _ if kind.is_fifo() => Some("named pipe"),
        _ => None,
    }
}
