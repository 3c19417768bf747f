//! A namespace that exists already, held by an open file: what keeps it alive, tells whether two are the same, and
//! lets a process join it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::sched::setns;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use nix::unistd::Pid;
use process::{Diagnose, FailureKind};

use crate::kind::Kind;
use crate::refusal;

/// A namespace could not be looked at or joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The file cannot be opened.
    #[error("open {kind} namespace {}: {source}", path.display())]
    Open {
        /// What it should be.
        kind: Kind,
        /// The file's name.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The file is there, and is something else: a directory, a text, a device.
    #[error("{} is not a namespace", .0.display())]
    NotANamespace(PathBuf),
    /// It is a namespace of another kind.
    #[error("{} is not a {expected} namespace{}", path.display(), found.as_ref().map(|found| format!(", it is {found}")).unwrap_or_default())]
    WrongKind {
        /// The file's name.
        path: PathBuf,
        /// The kind that was asked for.
        expected: Kind,
        /// What the kernel calls it, `net:[4026531840]`; unknown for a bind mount.
        found: Option<String>,
    },
    /// `setns(2)` refused.
    #[error("join {kind} namespace {}: {errno}", path.display())]
    Join {
        /// The kind.
        kind: Kind,
        /// The file's name.
        path: PathBuf,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for HandleError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => FailureKind::NotFound,
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => FailureKind::Denied,
            Self::NotANamespace(_) | Self::WrongKind { .. } => FailureKind::Invalid,
            Self::Join { errno, .. } => (*errno).into(),
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "the process that owned it may have ended; a namespace lives as long as someone uses it or has it open"
                    .into(),
            ),
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("/proc/PID/ns may be read by those who may trace PID: the same user, or root".into())
            }
            Self::NotANamespace(_) => {
                Some("name a file such as /proc/PID/ns/net, or a bind mount of one such as /run/netns/NAME".into())
            }
            Self::WrongKind { expected, .. } => {
                Some(format!("its file would be /proc/PID/ns/{}", expected.proc_name()))
            }
            Self::Join { kind: Kind::User | Kind::Mount, errno: Errno::EINVAL, .. }
            | Self::Join { kind: Kind::Time, errno: Errno::EUSERS, .. } => {
                Some("the process that joins must have a single thread, and not be in it already".into())
            }
            Self::Join { kind: Kind::Pid, errno: Errno::EINVAL, .. } => {
                Some("only a pid namespace inside one's own can be joined".into())
            }
            Self::Join { kind, errno, .. } => refusal::cure(*errno, &[*kind]),
            Self::Open { .. } => None,
        }
    }
}

/// Which namespace it is: two processes share one exactly when device and inode number are equal (`namespaces(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamespaceId {
    device: u64,
    inode: u64,
}

impl NamespaceId {
    /// The namespace of `kind` that process `pid` is in.
    pub fn of(pid: Pid, kind: Kind) -> Result<Self, HandleError> {
        Self::at(kind, PathBuf::from(format!("/proc/{pid}/ns/{}", kind.proc_name())))
    }

    /// The namespace of `kind` that the calling thread is in.
    pub fn own(kind: Kind) -> Result<Self, HandleError> {
        Self::at(kind, own_path(kind))
    }

    // ANCHOR: at
    fn at(kind: Kind, path: PathBuf) -> Result<Self, HandleError> {
        match fs::metadata(&path) {
            Ok(file) => Ok(Self { device: file.dev(), inode: file.ino() }),
            Err(source) => Err(HandleError::Open { kind, path, source }),
        }
    }
    // ANCHOR_END: at
}

/// An open namespace. The namespace lives at least as long as this does.
#[derive(Debug)]
pub struct Handle {
    kind: Kind,
    path: PathBuf,
    file: File,
    id: NamespaceId,
}

impl Handle {
    /// Opens `path`, `/proc/PID/ns/…` or a bind mount of such a file, and checks that it is a namespace of `kind`.
    ///
    /// The kind of a bind mount shows only when it is joined; [`Handle::join`] then reports the wrong one.
    pub fn open(kind: Kind, path: impl Into<PathBuf>) -> Result<Self, HandleError> {
        let path = path.into();
        // Were it a FIFO, a plain open would wait for a writer.
        let opened = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        let (file, metadata) = match opened.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
            Ok(both) => both,
            Err(source) => return Err(HandleError::Open { kind, path, source }),
        };
        if !fstatfs(&file).is_ok_and(|system| system.filesystem_type() == NSFS_MAGIC) {
            return Err(HandleError::NotANamespace(path));
        }
        match name_given_by_kernel(file.as_fd()) {
            Some(name) if !name.starts_with(&format!("{}:[", kind.proc_name())) => {
                Err(HandleError::WrongKind { path, expected: kind, found: Some(name) })
            }
            _ => Ok(Self { kind, path, file, id: NamespaceId { device: metadata.dev(), inode: metadata.ino() } }),
        }
    }

    /// Opens the calling thread's own namespace of `kind`, to come back to.
    pub fn own(kind: Kind) -> Result<Self, HandleError> {
        Self::open(kind, own_path(kind))
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which namespace it is.
    pub fn id(&self) -> NamespaceId {
        self.id
    }

    /// Whether the calling thread is in it already.
    pub fn is_ours(&self) -> Result<bool, HandleError> {
        Ok(self.id == NamespaceId::own(self.kind)?)
    }

    /// Moves the calling thread into it (`setns(2)`); into a pid namespace only the children that it makes from now on.
    ///
    /// A user namespace that is ours already is refused by the kernel (`EINVAL`); ask [`Handle::is_ours`] first.
    pub fn join(&self) -> Result<(), HandleError> {
        setns(&self.file, self.kind.clone_flag()).map_err(|errno| match errno {
            // Nothing but a bind mount gets here with the wrong kind.
            Errno::EINVAL if name_given_by_kernel(self.file.as_fd()).is_none() => {
                HandleError::WrongKind { path: self.path.clone(), expected: self.kind, found: None }
            }
            errno => HandleError::Join { kind: self.kind, path: self.path.clone(), errno },
        })
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn own_path(kind: Kind) -> PathBuf {
    // /proc/self is the process; namespaces belong to its threads.
    PathBuf::from(format!("/proc/thread-self/ns/{}", kind.proc_name()))
}

/// A namespace opened through `/proc` has no place in the file system, so the kernel makes up a name for it:
/// `uts:[4026531838]`.
fn name_given_by_kernel(file: BorrowedFd<'_>) -> Option<String> {
    use std::os::fd::AsRawFd as _;
    let name = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    name.to_str().filter(|name| !name.starts_with('/')).map(str::to_owned)
}
