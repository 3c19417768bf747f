//! Following a path inside a root, when whoever made the root wants us outside.
//!
//! The kernel does the walking (`openat2(2)`): `..` and absolute links stop at the root, also while somebody swaps
//! directories under our feet. What comes back is a descriptor, and it is used as such: a name is never looked up twice.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, mkdirat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// A walk that is disturbed by renames is to be tried again (`EAGAIN`); who disturbs it this often does so on purpose.
const TRIES: usize = 128;

/// As many links as the kernel follows on one walk.
const LINKS: usize = 40;

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

/// A path inside a root could not be followed or made.
#[derive(Debug, Error)]
pub enum RootDirError {
    /// The kernel refused.
    #[error("{action} {path} inside the root: {errno}")]
    Path {
        /// "open", "create", …
        action: &'static str,
        /// The path, inside.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// A file of another kind.
    #[error("read {path} inside the root: not a regular file")]
    NotRegular {
        /// The path, inside.
        path: PathBuf,
    },
    /// More than the caller can take.
    #[error("read {path} inside the root: longer than {limit} bytes")]
    TooLong {
        /// The path, inside.
        path: PathBuf,
        /// Bytes.
        limit: u64,
    },
}

impl Diagnose for RootDirError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Path { errno: Errno::ENOENT, .. } => FailureKind::NotFound,
            Self::Path { errno, .. } => (*errno).into(),
            Self::NotRegular { .. } | Self::TooLong { .. } => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Path { errno: Errno::ENOSYS, .. } => Some("openat2 needs Linux 5.6".into()),
            Self::Path { errno: Errno::EAGAIN, .. } => {
                Some("something renames directories in there all the time".into())
            }
            Self::Path { errno: Errno::ELOOP, .. } => {
                Some("too many symbolic links, or one that leads through /proc".into())
            }
            _ => None,
        }
    }
}

impl RootDirError {
    /// The same error, about the path that the caller was given.
    pub(crate) fn of(self, whole: &Path) -> Self {
        let whole = whole.to_path_buf();
        match self {
            Self::Path { action, errno, .. } => Self::Path { action, path: whole, errno },
            Self::NotRegular { .. } => Self::NotRegular { path: whole },
            Self::TooLong { limit, .. } => Self::TooLong { path: whole, limit },
        }
    }

    /// Whether the path, or a directory on its way, does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Path { errno: Errno::ENOENT | Errno::ENOTDIR, .. })
    }
}

/// How far directories could be made.
enum Step {
    /// All of them; this is the last.
    Done(OwnedFd),
    /// Up to a link that leads to nothing: this path goes on where it says.
    Link(PathBuf),
}

/// A directory that is the root of all paths given to it. Absolute and relative ones mean the same.
#[derive(Debug)]
pub struct RootDir(OwnedFd);

impl RootDir {
    /// The directory at `path`, outside.
    ///
    /// # Errors
    /// [`RootDirError::Path`].
    pub fn open(path: &Path) -> Result<Self, RootDirError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        nix::fcntl::open(path, flags, Mode::empty()).map(Self).map_err(failed("open", path))
    }

    /// The directory, or the mount, that `descriptor` stands for.
    pub fn from_fd(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// What `path` leads to, as an `O_PATH` descriptor. The last component may be a link: it is followed, inside.
    ///
    /// # Errors
    /// [`RootDirError::Path`].
    // ANCHOR: resolve
    pub fn resolve(&self, path: impl AsRef<Path>) -> Result<OwnedFd, RootDirError> {
        let path = path.as_ref();
        walk(self.0.as_fd(), path, OFlag::O_PATH, Mode::empty()).map_err(failed("open", path))
    }
    // ANCHOR_END: resolve

    /// Opens the regular file that `path` leads to, to read it.
    ///
    /// Opening a FIFO waits for a writer, and opening a device can rewind a tape or start a watchdog. So the file is only
    /// found at first. When it has been looked at, it is opened by its descriptor: it cannot be another one by then.
    ///
    /// # Errors
    /// [`RootDirError::Path`], and [`RootDirError::NotRegular`] for anything else in its place.
    pub fn open_regular(&self, path: impl AsRef<Path>) -> Result<File, RootDirError> {
        let path = path.as_ref();
        let file = self.resolve(path)?;
        let metadata = fstat(&file).map_err(failed("look at", path))?;
        if SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
            return Err(RootDirError::NotRegular { path: path.into() });
        }
        reopen(&file).map(File::from).map_err(failed("read", path))
    }

    /// The whole content of a regular file, of at most `limit` bytes. A FIFO, a device or a directory in its place is
    /// an error at once.
    ///
    /// # Errors
    /// Every [`RootDirError`].
    pub fn read_file(&self, path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, RootDirError> {
        let path = path.as_ref();
        let mut content = Vec::new();
        self.open_regular(path)?
            .take(limit + 1)
            .read_to_end(&mut content)
            .map_err(|error| failed("read", path)(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
        if content.len() as u64 > limit {
            return Err(RootDirError::TooLong { path: path.into(), limit });
        }
        Ok(content)
    }

    /// The directory at `path`; it and its parents are made where they are missing.
    ///
    /// A link that leads to nothing says where to make it. Images of running machines have such links:
    /// `/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf`.
    ///
    /// # Errors
    /// [`RootDirError::Path`]: `ENOTDIR` where a file is in the way.
    pub fn create_dir_all(&self, path: impl AsRef<Path>, mode: u32) -> Result<OwnedFd, RootDirError> {
        let path = path.as_ref();
        match walk(self.0.as_fd(), path, DIRECTORY, Mode::empty()) {
            Err(Errno::ENOENT) => {}
            other => return other.map_err(failed("open", path)),
        }
        let mut now = path.to_path_buf();
        for _ in 0..LINKS {
            match self.make_directories(&now, Mode::from_bits_truncate(mode)).map_err(failed("create", path))? {
                Step::Done(directory) => return Ok(directory),
                Step::Link(next) => now = next,
            }
        }
        Err(failed("create", path)(Errno::ELOOP))
    }

    /// One component at a time, each made below the last one's descriptor. The prefix is always walked from the root, so
    /// that a link in the middle means inside what it means to the container.
    fn make_directories(&self, path: &Path, mode: Mode) -> Result<Step, Errno> {
        let mut so_far = PathBuf::from("/");
        let mut current = walk(self.0.as_fd(), &so_far, DIRECTORY, Mode::empty())?;
        let mut names = components(path);
        while let Some(name) = names.next() {
            so_far.push(name);
            let mut found = walk(self.0.as_fd(), &so_far, DIRECTORY, Mode::empty());
            if matches!(found, Err(Errno::ENOENT)) {
                match mkdirat(&current, name, mode) {
                    // Not there, and yet in the way: a link to nothing. What it says is walked from the root again.
                    Err(Errno::EEXIST) => {
                        let text = readlinkat(&current, name)?;
                        so_far.pop();
                        return Ok(Step::Link(so_far.join(text).join(names.collect::<PathBuf>())));
                    }
                    made => made?,
                }
                found = walk(self.0.as_fd(), &so_far, DIRECTORY, Mode::empty());
            }
            current = found?;
        }
        Ok(Step::Done(current))
    }

    /// The file at `path`, as an `O_PATH` descriptor; an empty one is made where it is missing, with its parents, and
    /// where a link leads to nothing.
    ///
    /// # Errors
    /// [`RootDirError::Path`].
    pub fn create_file(&self, path: impl AsRef<Path>, mode: u32) -> Result<OwnedFd, RootDirError> {
        const NEW: OFlag = OFlag::O_CREAT.union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_WRONLY);
        let path = path.as_ref();
        let mut now = path.to_path_buf();
        for _ in 0..LINKS {
            match walk(self.0.as_fd(), &now, OFlag::O_PATH, Mode::empty()) {
                Err(Errno::ENOENT) => {}
                other => return other.map_err(failed("open", path)),
            }
            let (parent, name) = self.parent_of(&now)?;
            match walk(parent.as_fd(), Path::new(&name), NEW, Mode::from_bits_truncate(mode)) {
                Err(Errno::EEXIST) => {
                    let text = readlinkat(&parent, name.as_os_str()).map_err(failed("create", path))?;
                    now = now.parent().unwrap_or(Path::new("/")).join(text);
                }
                // Walked once more, as an O_PATH descriptor.
                made => fchmod(made.map_err(failed("create", path))?, Mode::from_bits_truncate(mode))
                    .map_err(failed("set the mode of", path))?,
            }
        }
        Err(failed("create", path)(Errno::ELOOP))
    }

    /// The directory at `path`, made where it is missing, with its parents. Unlike theirs, its own name must not be a
    /// link.
    ///
    /// # Errors
    /// [`RootDirError::Path`]: `ENOTDIR` where a link or a file is in the way.
    pub fn create_dir(&self, path: impl AsRef<Path>, mode: u32) -> Result<OwnedFd, RootDirError> {
        let path = path.as_ref();
        let (parent, name) = self.parent_of(path)?;
        match mkdirat(&parent, name.as_os_str(), Mode::from_bits_truncate(mode)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(failed("create", path)(errno)),
        }
        walk(parent.as_fd(), Path::new(&name), DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty())
            .map_err(failed("open", path))
    }

    /// The directory that holds the last component of `path`, made where it is missing, and that component: for calls
    /// that take a directory and a name.
    ///
    /// # Errors
    /// [`RootDirError::Path`]; `EINVAL` for the root itself and for paths that end in `..`.
    pub fn parent_of(&self, path: impl AsRef<Path>) -> Result<(OwnedFd, OsString), RootDirError> {
        let path = path.as_ref();
        let name = path.file_name().ok_or_else(|| failed("split", path)(Errno::EINVAL))?;
        let parent = path.parent().unwrap_or(Path::new("/"));
        Ok((self.create_dir_all(parent, 0o755)?, name.into()))
    }

    /// Where `path` leads, as a path without links; what is missing keeps its name. Below the places `covered` something
    /// else is going to be, so nothing there is looked at.
    ///
    /// For plans only: to mount there, the kernel walks again.
    ///
    /// # Errors
    /// [`RootDirError::Path`]: `ELOOP` for links without end.
    pub fn place_of(&self, path: &Path, covered: &[PathBuf]) -> Result<PathBuf, RootDirError> {
        let mut place = PathBuf::from("/");
        let mut rest: Vec<OsString> = components(path).map(OsStr::to_owned).collect();
        rest.reverse();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == ".." {
                place.pop();
                continue;
            }
            place.push(name);
            if covered.iter().any(|over| place != *over && place.starts_with(over)) {
                continue;
            }
            let found = match walk(self.0.as_fd(), &place, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty()) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                other => other.map_err(failed("open", path))?,
            };
            let metadata = fstat(&found).map_err(failed("look at", path))?;
            if SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT != SFlag::S_IFLNK {
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(failed("follow", path)(Errno::ELOOP));
            }
            let text = PathBuf::from(readlinkat(&found, "").map_err(failed("follow", path))?);
            place.pop();
            if text.is_absolute() {
                place = PathBuf::from("/");
            }
            rest.extend(components(&text).map(OsStr::to_owned).collect::<Vec<_>>().into_iter().rev());
        }
        Ok(place)
    }

    /// Whether the last component of `path` is a symbolic link.
    ///
    /// # Errors
    /// [`RootDirError::Path`].
    pub fn is_link(&self, path: impl AsRef<Path>) -> Result<bool, RootDirError> {
        let path = path.as_ref();
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        match walk(self.0.as_fd(), path, flags, Mode::empty()) {
            Ok(file) => {
                let metadata = fstat(&file).map_err(failed("look at", path))?;
                Ok(SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK)
            }
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(failed("open", path)(errno)),
        }
    }
}

impl AsFd for RootDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One walk by the kernel, from `root` and never above it.
// ANCHOR: walk
fn walk(root: BorrowedFd, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
    // ANCHOR: ex_walk
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC | if flags.contains(OFlag::O_PATH) { OFlag::empty() } else { OFlag::O_NOCTTY })
        .mode(mode)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
    for _ in 0..TRIES {
        match openat2(root, path, how) {
            // A rename happened during the walk, and the kernel could not be sure that it stayed inside.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            other => return other,
        }
    }
    Err(Errno::EAGAIN)
    // ANCHOR_END: ex_walk
}
// ANCHOR_END: walk

/// Opens what an `O_PATH` descriptor stands for, to read it, by the only names that descriptors have.
///
/// # Errors
/// `ENOTSUP` where `/proc` is not the kernel's, and those of `open(2)`.
pub fn reopen(file: &OwnedFd) -> Result<OwnedFd, Errno> {
    let names = nix::fcntl::open("/proc/self/fd", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstatfs(&names)?.filesystem_type() != PROC_SUPER_MAGIC {
        return Err(Errno::ENOTSUP);
    }
    let number = file.as_raw_fd().to_string();
    // Without O_NONBLOCK, a lease on the file would make us wait for its holder.
    openat(&names, number.as_str(), OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
}

/// The names of a path. `..` is left to the kernel's walk, which knows where links lead.
fn components(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(Errno) -> RootDirError {
    let path = path.to_path_buf();
    move |errno| RootDirError::Path { action, path, errno }
}
