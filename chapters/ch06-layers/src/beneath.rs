//! Walking inside a layer: the kernel stays beneath its root, and follows no link at all.
//!
//! `RootDir` follows links as the container would see them. A layer needs less: its entries come in one archive, and an
//! entry whose way leads through a link of the same archive is either an attack or a mistake.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

/// An `O_PATH` descriptor of a directory.
pub(crate) const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

/// Opens `path`, relative to `root`. Empty means the root itself.
///
/// # Errors
/// `ELOOP` for a link on the way, `EXDEV` for `..` above the root or a mount, and those of `open(2)`.
// ANCHOR: open_beneath
pub(crate) fn open(root: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV);
    loop {
        match openat2(root.as_fd(), path, how) {
            // Something was renamed during the walk, and the kernel could not be sure that it stayed beneath.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            other => return other,
        }
    }
}
// ANCHOR_END: open_beneath

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

/// The kind of a file, `S_IFREG` and its like.
pub(crate) fn kind(metadata: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT
}

/// Whether this is overlayfs' sign for "deleted": a character device 0:0.
pub(crate) fn is_whiteout(metadata: &FileStat) -> bool {
    kind(metadata) == SFlag::S_IFCHR && metadata.st_rdev == 0
}
