//! One group's directory, and its files: opened once, everything else relative to that.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use nix::unistd::{mkdir, write};
use process::{Diagnose, FailureKind};
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
    pub(crate) fn new(action: impl Into<String>, path: impl Into<PathBuf>, errno: Errno) -> Self {
        Self::Kernel { action: action.into(), path: path.into(), errno }
    }

    pub(crate) fn errno(&self) -> Errno {
        let Self::Kernel { errno, .. } = self;
        *errno
    }

    /// Whether the group itself has gone meanwhile.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.errno(), Errno::ENOENT | Errno::ENODEV)
    }
}

impl Diagnose for FileError {
    fn kind(&self) -> Option<FailureKind> {
        let Self::Kernel { path, errno, action } = self;
        let written = *errno == Errno::EINVAL && action.starts_with("write") && !path.ends_with("cgroup.procs");
        Some(if written { FailureKind::Invalid } else { (*errno).into() })
    }

    fn hint(&self) -> Option<String> {
        let Self::Kernel { action, path, errno } = self;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let hint = match (errno, file.split('.').next().unwrap_or_default()) {
            (Errno::EACCES | Errno::EPERM, _) => "control groups belong to root",
            (Errno::EROFS, _) => "the hierarchy is mounted read-only",
            (Errno::EBUSY, "memory") => "more memory is in use than the limit would allow",
            (Errno::EBUSY, _) if action == "remove" => "processes are still in it: end them first",
            (Errno::EINVAL, "memory") => "on v1, the limit on memory must stay below that on memory and swap",
            (Errno::EINVAL, "cpu") => {
                "a quota is at least 1000 µs, a period 1000 to 1000000 µs, and no group gets more than its parent"
            }
            (Errno::ENOSPC, "cgroup" | "tasks") => "a cpuset takes processes when it has both processors and memory",
            (Errno::EINVAL, "cgroup" | "tasks") => "a real-time process needs a share of real-time, cpu.rt_runtime_us",
            (Errno::ENODEV, "blkio" | "io") => "no such block device",
            (Errno::EINVAL | Errno::ERANGE, _) if action.starts_with("write") => {
                return Some(format!("the kernel does not take this value for {file}"));
            }
            _ => return None,
        };
        Some(hint.into())
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
            Err(errno) => Err(FileError::new("open", path, errno)),
        }
    }

    /// The group at `path`, made if it is not there.
    pub(crate) fn shared(path: PathBuf) -> Result<Self, FileError> {
        match Self::open(path.clone()) {
            Err(error) if error.errno() == Errno::ENOENT => {
                create_all(&path)?;
                Self::open(path)
            }
            other => other,
        }
    }

    /// Makes a group whose parent exists.
    pub(crate) fn make(path: PathBuf) -> Result<Self, FileError> {
        match mkdir(&path, Mode::from_bits_truncate(0o755)) {
            Ok(()) => Self::open(path),
            Err(errno) => Err(FileError::new("create", path, errno)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the group.
    pub(crate) fn file(&self, name: &str, flags: OFlag) -> Result<OwnedFd, FileError> {
        openat(&self.descriptor, name, flags | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| self.failed("open", name, errno))
    }

    /// Writes `text`, whole, in one call: these files take nothing else.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), FileError> {
        self.write_to(&self.file(name, OFlag::O_WRONLY)?, name, text)
    }

    /// The same to a file that is open: for lists, which take one line at a time.
    pub(crate) fn write_to(&self, file: &OwnedFd, name: &str, text: &str) -> Result<(), FileError> {
        match write(file, text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(self.failed(&format!("write {text:?} to"), name, errno)),
        }
    }

    /// The whole content.
    pub(crate) fn read(&self, name: &str) -> Result<String, FileError> {
        self.read_from(&self.file(name, OFlag::O_RDONLY)?, name)
    }

    /// The same, from the start of a file that is open.
    pub(crate) fn read_from(&self, file: &OwnedFd, name: &str) -> Result<String, FileError> {
        let mut content = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let offset = i64::try_from(content.len()).unwrap_or(i64::MAX);
            match pread(file, &mut buffer, offset) {
                Ok(0) => return Ok(String::from_utf8_lossy(&content).into_owned()),
                Ok(length) => content.extend_from_slice(&buffer[..length]),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(self.failed("read", name, errno)),
            }
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name, OFlag::O_PATH).is_ok()
    }

    /// Processes of this group and of those below. Who is outside our PID namespace has no number here, and is left out.
    pub(crate) fn procs(&self) -> Result<Vec<i32>, FileError> {
        let text = match self.read("cgroup.procs") {
            Err(error) if error.is_gone() => return Ok(Vec::new()),
            other => other?,
        };
        let mut procs: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect();
        for child in self.children() {
            // One that has gone meanwhile has nobody in it.
            if let Ok(child) = Self::open(child) {
                procs.extend(child.procs()?);
            }
        }
        Ok(procs)
    }

    /// Groups directly below.
    pub(crate) fn children(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.flatten().filter(is_group).map(|entry| entry.path()).collect()
    }

    fn failed(&self, action: &str, name: &str, errno: Errno) -> FileError {
        FileError::new(action, self.path.join(name), errno)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Makes a group and those above it, as far as they are missing.
pub(crate) fn create_all(path: &Path) -> Result<(), FileError> {
    let failed = |error: std::io::Error| {
        FileError::new("create", path, Errno::from_raw(error.raw_os_error().unwrap_or_default()))
    };
    fs::create_dir_all(path).map_err(failed)
}

/// Removes the groups at and below `path`, deepest first; those that are gone already are fine. `rmdir` works although
/// there are files: they are the kernel's.
pub(crate) fn remove_tree(path: &Path) -> Result<(), FileError> {
    let remove = |path: &Path| match fs::remove_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path, Errno::from_raw(error.raw_os_error().unwrap_or_default())))
        }
        _ => Ok(()),
    };
    // Most have nothing below them: one call.
    if remove(path).is_ok() {
        return Ok(());
    }
    if let Ok(directory) = Directory::open(path.into()) {
        directory.children().iter().try_for_each(|child| remove_tree(child))?;
    }
    remove(path)
}
