//! `export`.

use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _};
use engine::Engine;
use process::{Diagnose, Failure, FailureKind};
use tempfile::NamedTempFile;
use thiserror::Error;

use super::stream;
use crate::commands::entry::{Context, Entry, of};

pub(crate) const ENTRY: Entry = Entry {
    name: "export",
    aliases: &[],
    about: "Write a container's files as a tar archive",
    usage: "[OPTIONS] CONTAINER",
    flags: Args::augment_args,
    run,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE", value_parser = clap::value_parser!(OsString))]
    output: Option<OsString>,
    /// Its name or id.
    #[arg(value_name = "CONTAINER", hide = true)]
    container: String,
}

/// Why there is no archive.
#[derive(Debug, Error)]
enum ExportError {
    #[error("cowardly refusing to save to a terminal. Use the -o flag or redirect")]
    Terminal,
    #[error("failed to export container: invalid output path: stat {}: {}", .0.display(), without_number(.1))]
    NoDirectory(PathBuf, io::Error),
    #[error("failed to export container: cannot write to a {0}")]
    Kind(&'static str),
    #[error("write {}: {}", .0.display(), without_number(.1))]
    Write(PathBuf, io::Error),
}

impl Diagnose for ExportError {
    fn kind(&self) -> Option<FailureKind> {
        Some(if matches!(self, Self::Write(..)) { FailureKind::System } else { FailureKind::Invalid })
    }
}

/// The kernel's words, as docker has them.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn run(matches: &ArgMatches, context: &Context) -> Result<u8, Failure> {
    let Args { output, container } = of(matches)?;
    let Some(output) = output.filter(|output| !output.is_empty()).map(PathBuf::from) else {
        if io::stdout().is_terminal() {
            return Err(ExportError::Terminal.into());
        }
        return stream::to_stdout(|out| context.open()?.export(&container, out));
    };
    let directory = parent(&output);
    fs::metadata(directory).map_err(|error| ExportError::NoDirectory(directory.into(), error))?;
    if let Ok(there) = fs::metadata(&output)
        && let Some(kind) = unsuitable(there.file_type())
    {
        return Err(ExportError::Kind(kind).into());
    }
    write(&context.open()?, &container, &output, directory)
}

/// Complete, or not at all: an archive that is there already stays until then.
fn write(engine: &Engine, container: &str, output: &Path, directory: &Path) -> Result<u8, Failure> {
    let failed = |error| ExportError::Write(output.into(), error);
    let made = NamedTempFile::with_prefix_in(".tmp-", directory).map_err(failed)?;
    engine.export(container, BufWriter::with_capacity(1 << 16, made.as_file()))?;
    let _: File = made.persist(output).map_err(|error| failed(error.error))?;
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
