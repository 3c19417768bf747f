//! The files of a container: its image's layers, and what it has written over them.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use layers::{ChangeKind, DiffId, Upper};
use process::Failure;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat};
use serde::Serialize;

use crate::engine::Engine;
use crate::saved::Container;

/// So many changes are described.
const MOST: usize = 1000;

/// The overlay of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Files {
    /// The image's layers, the topmost first. Many containers share them.
    pub layers: Vec<LayerSeen>,
    /// The container's own layer; absent before the first start.
    pub upper: Option<PathBuf>,
    /// Where overlayfs makes files before they appear.
    pub work: Option<PathBuf>,
    /// Bytes in the container's own layer.
    pub written: u64,
    /// Bytes of its log.
    pub log: u64,
    /// How many files differ from the image's.
    pub changed: usize,
    /// The first thousand, by path.
    pub changes: Vec<ChangedFile>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LayerSeen {
    /// The digest of its archive.
    #[serde(rename = "DiffID")]
    pub diff_id: String,
    /// Bytes of its files.
    pub size: u64,
    /// Where they are.
    pub path: PathBuf,
}

/// A file that differs from the image's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangedFile {
    /// `A`dded, `C`hanged, or `D`eleted, as `diff` has it.
    pub kind: String,
    /// Which.
    pub path: String,
    /// Whether it is the image's file, copied into the container's layer before it was written to.
    pub copied_up: bool,
    /// Bytes of it, if it is a regular file.
    pub size: Option<u64>,
}

impl Engine {
    pub(super) fn files_seen(&self, container: &Container) -> Result<Files, Failure> {
        let saved = &container.saved;
        let layer = |id: &String| -> Result<LayerSeen, Failure> {
            let layer = self.layers().get(&id.parse::<DiffId>()?)?;
            Ok(LayerSeen { diff_id: id.clone(), size: layer.size, path: layer.path })
        };
        let Upper { upper, work } = Upper::at(&self.store().home(&saved.id));
        let there = upper.is_dir();
        let changes = self.diff(&saved.id)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, &upper, flags, Mode::empty()).ok();
        let changed = changes.iter().take(MOST).map(|change| {
            let size = directory.as_ref().and_then(|directory| size(directory, &change.path));
            ChangedFile {
                kind: change.kind.to_string(),
                path: change.path.to_string_lossy().into_owned(),
                copied_up: change.kind == ChangeKind::Changed && size.is_some(),
                size,
            }
        });
        Ok(Files {
            layers: saved.layers.iter().rev().map(layer).collect::<Result<_, _>>()?,
            written: self.size(container)?.written,
            log: self.log_size(saved),
            changed: changes.len(),
            changes: changed.collect(),
            upper: there.then_some(upper),
            work: Some(work).filter(|_| there),
        })
    }
}

/// Of a regular file in the upper directory. A container that runs may have put a link in the place of any directory.
fn size(upper: &OwnedFd, path: &Path) -> Option<u64> {
    let path = path.strip_prefix("/").ok()?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat2(upper, path, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS).ok()?;
    let status = statat(&file, "", AtFlags::EMPTY_PATH).ok()?;
    let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    if is_file { u64::try_from(status.st_size).ok() } else { None }
}
