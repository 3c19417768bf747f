//! One group's directory, and its files: opened once, everything else relative to that.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{read, write};
use process::Diagnose;
use thiserror::Error;

/// A file of a group could not be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The kernel refused.
    #[error("{action} {path}: {errno}")]
    Kernel {
        /// "create", "write 64 to", "read", …
        action: String,
        /// The file.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
}

impl FileError {
    pub(crate) fn errno(&self) -> Errno {
        let Self::Kernel { errno, .. } = self;
        *errno
    }
}

impl Diagnose for FileError {
    fn hint(&self) -> Option<String> {
        let Self::Kernel { action, path, errno } = self;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        match errno {
            Errno::EACCES | Errno::EPERM => Some("control groups belong to root".into()),
            Errno::EROFS => Some("the hierarchy is mounted read-only".into()),
            Errno::EINVAL | Errno::ERANGE if action.starts_with("write") => {
                Some(format!("the kernel does not take this value for {file}"))
            }
            Errno::ENODEV if file.contains("blkio") || file.contains("io.") => Some("no such block device".into()),
            Errno::EBUSY if action.starts_with("write") && file.starts_with("memory") => {
                Some("more memory is in use than the limit would allow".into())
            }
            _ => None,
        }
    }
}

/// An open directory of a hierarchy.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl Directory {
    /// Opens one that exists.
    pub(crate) fn open(path: PathBuf) -> Result<Self, FileError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match open(&path, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Self { path, descriptor }),
            Err(errno) => Err(FileError::Kernel { action: "open".into(), path, errno }),
        }
    }

    /// The directory below, made if it is missing.
    pub(crate) fn child(&self, name: &Path) -> Result<Self, FileError> {
        match mkdirat(&self.descriptor, name, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => Self::open(self.path.join(name)),
            Err(errno) => Err(self.failed("create", name, errno)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the group.
    pub(crate) fn file(&self, name: &str, flags: OFlag) -> Result<OwnedFd, FileError> {
        openat(&self.descriptor, name, flags | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| self.failed("open", Path::new(name), errno))
    }

    /// Writes `text`, whole, in one call: these files take nothing else.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), FileError> {
        let file = self.file(name, OFlag::O_WRONLY)?;
        match write(&file, text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(self.failed(&format!("write {text:?} to"), Path::new(name), errno)),
        }
    }

    /// The whole content.
    pub(crate) fn read(&self, name: &str) -> Result<String, FileError> {
        let file = self.file(name, OFlag::O_RDONLY)?;
        let mut content = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match read(&file, &mut buffer) {
                Ok(0) => return Ok(String::from_utf8_lossy(&content).into_owned()),
                Ok(length) => content.extend_from_slice(&buffer[..length]),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(self.failed("read", Path::new(name), errno)),
            }
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name, OFlag::O_PATH).is_ok()
    }

    /// Groups directly below.
    pub(crate) fn children(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.flatten().filter(is_group).map(|entry| entry.path()).collect()
    }

    /// Removes the group and all below it. What is gone already is fine.
    pub(crate) fn remove(&self) -> Result<(), FileError> {
        remove_tree(&self.path)
    }

    fn failed(&self, action: &str, name: &Path, errno: Errno) -> FileError {
        FileError::Kernel { action: action.into(), path: self.path.join(name), errno }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Removes the groups at and below `path`, deepest first. `rmdir` works although files are in there: they are the
/// kernel's.
pub(crate) fn remove_tree(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        // Groups below, most likely.
        Err(_) => {}
    }
    if let Ok(directory) = Directory::open(path.into()) {
        directory.children().iter().try_for_each(|child| remove_tree(child))?;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::Kernel {
            action: "remove".into(),
            path: path.into(),
            errno: Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        }),
        _ => Ok(()),
    }
}
