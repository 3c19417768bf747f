//! Walking inside a layer, in two ways: through no link at all, and through links as the container would see them.
//!
//! Most names lead through directories only, and the kernel proves it in one call. The others are walked step by step, to
//! make what is missing; only the target of a hard link has to be there already.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

/// An `O_PATH` descriptor of a directory.
pub(crate) const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

/// Opens `path`, relative to `root`. Empty means the root itself.
///
/// # Errors
/// `ELOOP` for a link on the way, `EXDEV` for `..` above the root or a mount, and those of `open(2)`.
// ANCHOR: open_beneath
pub(crate) fn open(root: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    walk(root, path, flags | OFlag::O_NOFOLLOW, resolve)
}
// ANCHOR_END: open_beneath

/// As [`open`], also below mount points: a container's root has some, where a layer has none.
pub(crate) fn open_across(root: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    walk(root, path, flags | OFlag::O_NOFOLLOW, ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS)
}

/// The directory that `path` leads to when `root` is the root: no `..` and no link, however it is written, leads out.
///
/// # Errors
/// `ELOOP` for too many links on the way, and those of `open(2)`.
// ANCHOR: inside
pub(crate) fn inside(root: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    walk(root, path, DIRECTORY, resolve)
}
// ANCHOR_END: inside

fn walk(root: impl AsFd, path: &Path, flags: OFlag, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    loop {
        match openat2(root.as_fd(), path, how) {
            // Something was renamed during the walk, and the kernel could not be sure that it stayed beneath.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// The directory at `path` outside any layer, as a root for [`open`].
pub(crate) fn root(path: &Path) -> Result<OwnedFd, Errno> {
    nix::fcntl::open(path, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// The file `name` in `directory`, or `None`. A link is looked at, not through.
pub(crate) fn look(directory: impl AsFd, name: &Path) -> Result<Option<FileStat>, Errno> {
    match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether two descriptors are of one file.
pub(crate) fn same(one: impl AsFd, other: impl AsFd) -> Result<bool, Errno> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// The kind of a file, `S_IFREG` and its like.
pub(crate) fn kind(metadata: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT
}

/// Whether this is overlayfs' sign for "deleted": a character device 0:0.
pub(crate) fn is_whiteout(metadata: &FileStat) -> bool {
    kind(metadata) == SFlag::S_IFCHR && metadata.st_rdev == 0
}
