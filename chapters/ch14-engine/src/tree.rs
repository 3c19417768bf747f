//! A container's files, for a command that looks at them: `diff`, `export`, `cp`, `commit`. No program of the container
//! runs for it, and nothing is mounted where the container could see it: what does not run is shown by an overlay that is
//! attached nowhere, what runs by its own root, which is reached through its first process.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use layers::{Change, ChangeKind, DiskError, Overlay, Upper, View, changes_in, pack_files};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag};
use process::Failure;
use rootfs::RootDir;

use crate::engine::Engine;
use crate::launch::{self, MARK};
use crate::saved::{Container, Saved};
use crate::users::owners;

/// Directories that a start makes for what it mounts on them. (That of the small files below is often the image's.)
const MADE: [&str; 4] = ["dev", "proc", "sys", "etc"];
/// Files that a start makes for what it mounts on them.
const COVERED: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

/// Whether a file of an upper directory is as a start makes it: docker has these in a layer of their own, which it does
/// not show.
pub(crate) fn is_made_by_start(path: &Path, metadata: &FileStat) -> bool {
    let kind = SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT;
    let is = |list: &[&str]| list.iter().any(|made| path == Path::new(made));
    match kind {
        SFlag::S_IFDIR => is(&MADE),
        SFlag::S_IFREG if metadata.st_size > 0 => false,
        SFlag::S_IFREG => is(&COVERED) || (path == Path::new(MARK) && metadata.st_mode & 0o7777 == 0o755),
        _ => false,
    }
}

impl Engine {
    /// What the container has changed in its image's files, sorted.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn diff(&self, name: &str) -> Result<Vec<Change>, Failure> {
        let Container { saved, .. } = self.find(name)?;
        let Upper { upper, .. } = Upper::at(&self.store().home(&saved.id));
        if !upper.is_dir() {
            // It has never been started.
            return Ok(Vec::new());
        }
        let view = View { owners: owners(&saved), hidden: Some(&is_made_by_start) };
        let mut changes = changes_in(&upper, &launch::lower(self, &saved)?, &view)?;
        let mark = Path::new("/").join(MARK);
        match changes.iter_mut().find(|change| change.path == mark) {
            // It was there before the program.
            Some(change) if change.kind == ChangeKind::Added => change.kind = ChangeKind::Changed,
            None if upper.join(MARK).symlink_metadata().is_err() => {
                let at = changes.partition_point(|change| change.path < mark);
                changes.insert(at, Change { kind: ChangeKind::Deleted, path: mark });
            }
            _ => {}
        }
        Ok(changes)
    }

    /// Writes the whole root file system as a tar archive, without what is mounted in it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn export(&self, name: &str, out: impl Write) -> Result<(), Failure> {
        let Container { saved, .. } = self.find(name)?;
        let root = self.shown(&saved)?.resolve("/")?;
        let view = View { owners: owners(&saved), hidden: None };
        Ok(pack_files(root, Path::new(""), Path::new(""), &view, out)?)
    }

    /// The container's layers and what it has written, to be looked at only, also while it runs.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn shown(&self, saved: &Saved) -> Result<RootDir, Failure> {
        let Upper { upper, .. } = Upper::at(&self.store().home(&saved.id));
        let lower = launch::lower(self, saved)?;
        // As a lower layer: two overlays must not write to one directory.
        let mut layers: Vec<PathBuf> = Some(upper).filter(|upper| upper.is_dir()).into_iter().collect();
        layers.extend(lower);
        let root = match layers.as_slice() {
            [only] => directory(only)?,
            _ => Overlay::read_only(layers).mount()?,
        };
        Ok(RootDir::from_fd(root))
    }
}

fn directory(path: &Path) -> Result<OwnedFd, DiskError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map_err(DiskError::at("open", path))
}
