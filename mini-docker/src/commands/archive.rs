//! Archives that commands write: on standard output, or into a file that is complete or not there at all.

use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use process::{Diagnose, Failure, FailureKind};
use tempfile::NamedTempFile;
use thiserror::Error;

use super::container::stream;

/// Why there is no archive. The first of each is what should have been done: `save image`.
#[derive(Debug, Error)]
enum ArchiveError {
    #[error("cowardly refusing to save to a terminal. Use the -o flag or redirect")]
    Terminal,
    #[error("failed to {0}: invalid output path: stat {path}: {words}", path = .1.display(), words = without_number(.2))]
    NoDirectory(&'static str, PathBuf, io::Error),
    #[error("failed to {0}: cannot write to a {1}")]
    Kind(&'static str, &'static str),
    #[error("write {}: {}", .0.display(), without_number(.1))]
    Write(PathBuf, io::Error),
}

impl Diagnose for ArchiveError {
    fn kind(&self) -> Option<FailureKind> {
        Some(if matches!(self, Self::Write(..)) { FailureKind::System } else { FailureKind::Invalid })
    }
}

/// The kernel's words, as docker has them.
pub(crate) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Has `make` write an archive to where `output` says. `what` is docker's word for that.
pub(crate) fn write(
    what: &'static str,
    output: Option<OsString>,
    make: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<u8, Failure> {
    let Some(output) = output.filter(|output| !output.is_empty()).map(PathBuf::from) else {
        if io::stdout().is_terminal() {
            return Err(ArchiveError::Terminal.into());
        }
        return stream::to_stdout(make);
    };
    let directory = parent(&output);
    fs::metadata(directory).map_err(|error| ArchiveError::NoDirectory(what, directory.into(), error))?;
    if let Ok(there) = fs::metadata(&output)
        && let Some(kind) = unsuitable(there.file_type())
    {
        return Err(ArchiveError::Kind(what, kind).into());
    }
    // An archive that is there already stays until this one is complete.
    let failed = |error| ArchiveError::Write(output.clone(), error);
    let made = NamedTempFile::with_prefix_in(".tmp-", directory).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, made.as_file());
    make(&mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    let _: File = made.persist(&output).map_err(|error| failed(error.error))?;
    Ok(0)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What no archive is written to, in docker's words.
fn unsuitable(kind: FileType) -> Option<&'static str> {
    match kind {
        _ if kind.is_dir() => Some("directory"),
        _ if kind.is_char_device() => Some("character device file"),
        _ if kind.is_block_device() => Some("block device file"),
        _ if kind.is_socket() => Some("socket file"),
        _ if kind.is_fifo() => Some("named pipe file"),
        _ => None,
    }
}
