//! A directory that says whether its maker lives.
//!
//! Whoever makes one holds it locked (`flock(2)`), and the kernel takes that mark back when its last holder dies. So a
//! directory that can be taken is one whose maker is gone, at whichever instant it was killed: there is no lock file that
//! could be missing. The mark belongs to the directory, not to its name: it goes along when that is renamed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use crate::disk_error::DiskError;
use crate::removal::remove_all;

/// A directory, and the mark that we are alive for it.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    mark: File,
}

impl Held {
    /// Makes a directory, closed to others.
    ///
    /// # Errors
    /// [`DiskError::Io`], also if it exists.
    pub fn create(path: &Path) -> Result<Self, DiskError> {
        loop {
            DirBuilder::new().mode(0o700).create(path).map_err(DiskError::at("create", path))?;
            process::fault!("hold a directory").map_err(DiskError::at("open", path))?;
            let made = match open(path) {
                // Between these calls it looked abandoned, and somebody has cleaned it up.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(DiskError::at("open", path))?,
            };
            made.lock().map_err(DiskError::at("lock", path))?;
            if is_at(&made, path) {
                return Ok(Self { path: path.into(), mark: made });
            }
        }
    }

    /// Takes a directory whose maker is gone. `None` if he lives, or if the directory is not there any more.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn take(path: &Path) -> Result<Option<Self>, DiskError> {
        let found = match open(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            other => other.map_err(DiskError::at("open", path))?,
        };
        match found.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(DiskError::at("lock", path)(error)),
            // What we have opened may have got another name before we had the lock.
            Ok(()) if !is_at(&found, path) => Ok(None),
            Ok(()) => Ok(Some(Self { path: path.into(), mark: found })),
        }
    }

    /// Waits until its maker is gone, or the directory is, but not for long: he may live as long as he likes. There is no
    /// `flock(2)` with a time limit, so this looks again and again.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn wait_until_free(path: &Path, patience: Duration) -> Result<(), DiskError> {
        const PAUSE: Duration = Duration::from_millis(1);
        let until = Instant::now() + patience;
        let found = match open(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            other => other.map_err(DiskError::at("open", path))?,
        };
        // Shared: several may wait, and none of them looks like its maker.
        while let Err(TryLockError::WouldBlock) = found.try_lock_shared() {
            if Instant::now() > until {
                break;
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another name, on the same disk, with all that is in it.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn rename(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.path = target.into();
        Ok(())
    }

    /// Moves it into the directory `tmp`, where nobody looks for anything. Its name goes on to say what it was.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub(crate) fn discard(&mut self, tmp: &Path) -> Result<(), DiskError> {
        let source = self.path.clone();
        self.rename(&out_of_sight(tmp, &source)).map_err(DiskError::at("remove", source))
    }

    /// The mark, to be kept open by a copy of this process for which the directory is, too.
    pub fn mark(&self) -> BorrowedFd<'_> {
        self.mark.as_fd()
    }

    /// Removes it, whatever a container has put there.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    pub fn remove(self) -> Result<(), DiskError> {
        remove_all(&self.path).map_err(DiskError::at("remove", &self.path))
    }
}

/// A path below `directory` that nothing has: 64 random bits.
pub(crate) fn fresh(directory: &Path) -> PathBuf {
    directory.join(format!("{:016x}", RandomState::new().build_hasher().finish()))
}

/// Where `path` goes when it is removed: its name goes on to say what it was.
pub(crate) fn out_of_sight(tmp: &Path, path: &Path) -> PathBuf {
    let target = fresh(tmp);
    match (path.file_name(), target.file_name()) {
        (Some(name), Some(random)) => tmp.join([name, OsStr::new("-"), random].into_iter().collect::<OsString>()),
        _ => target,
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits()).open(path)
}

pub(crate) fn is_at(open: &File, path: &Path) -> bool {
    match (open.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}
