//! Owner, mode, attributes and time of an unpacked file, in the one order that works: chown(2) clears setuid bits and
//! file capabilities, and everything changes the time.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};

use crate::beneath;
use crate::error::LayerError;
use crate::header::{Entry, Kind};
use crate::xattr;

/// For a regular file that is open.
pub(crate) fn apply_to_file(file: &File, entry: &Entry) -> Result<(), LayerError> {
    let path = entry.path.as_path();
    fchown(file, Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)))
        .map_err(LayerError::file("set the owner of", path))?;
    fchmod(file, Mode::from_bits_truncate(entry.mode)).map_err(LayerError::file("set the mode of", path))?;
    set_attributes(file, entry)?;
    set_time(file, path, entry.mtime)
}

/// For an open file or directory.
pub(crate) fn set_attributes(file: impl AsFd, entry: &Entry) -> Result<(), LayerError> {
    for (key, value) in wanted(entry) {
        let set = rustix::fs::fsetxattr(&file, key.as_slice(), value, rustix::fs::XattrFlags::empty());
        tolerated(key, set.map_err(|error| Errno::from_raw(error.raw_os_error())))
            .map_err(LayerError::file("set an attribute of", &entry.path))?;
    }
    Ok(())
}

/// For all others: `name` in `directory`.
pub(crate) fn apply(directory: &OwnedFd, name: &Path, entry: &Entry) -> Result<(), LayerError> {
    let path = entry.path.as_path();
    let (uid, gid) = (Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)));
    fchownat(directory, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(LayerError::file("set the owner of", path))?;
    let is_link = matches!(entry.kind, Kind::Symlink(_));
    if !is_link {
        // fchmodat(2) follows links before Linux 6.6.
        let file = beneath::open(directory, name, OFlag::O_PATH).map_err(LayerError::file("open", path))?;
        let mode = Mode::from_bits_truncate(entry.mode);
        set_mode(&file, mode).map_err(LayerError::file("set the mode of", path))?;
    }
    for (key, value) in wanted(entry) {
        tolerated(key, xattr::set(directory, name, key, value))
            .map_err(LayerError::file("set an attribute of", path))?;
    }
    if entry.kind == Kind::Directory {
        return Ok(());
    }
    let time = timespec(entry.mtime);
    utimensat(directory, name, &time, &time, UtimensatFlags::NoFollowSymlink)
        .map_err(LayerError::file("set the time of", path))
}

/// The mode of what an `O_PATH` descriptor stands for: its name in /proc leads there.
pub(crate) fn set_mode(file: impl AsFd, mode: Mode) -> Result<(), Errno> {
    let reference = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    fchmodat(nix::fcntl::AT_FDCWD, reference.as_str(), mode, FchmodatFlags::FollowSymlink)
}

/// Access and modification time of an open file or directory.
pub(crate) fn set_time(file: impl AsFd, path: &Path, time: (i64, i64)) -> Result<(), LayerError> {
    let time = timespec(time);
    futimens(file, &time, &time).map_err(LayerError::file("set the time of", path))
}

fn timespec((seconds, nanoseconds): (i64, i64)) -> TimeSpec {
    TimeSpec::new(seconds, nanoseconds)
}

fn wanted(entry: &Entry) -> impl Iterator<Item = &(Vec<u8>, Vec<u8>)> {
    entry.xattrs.iter().filter(|(key, _)| !xattr::is_overlay(key))
}

/// File systems without an attribute's class do without it, as with docker; `user.` is not for links and devices.
fn tolerated(key: &[u8], result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::ENOTSUP) => Ok(()),
        Err(Errno::EPERM) if key.starts_with(b"user.") => Ok(()),
        other => other,
    }
}
