//! Removing a tree that somebody hostile has made, with a handful of descriptors however deep it is.
//!
//! A recursive removal holds one descriptor per level, and a container can nest directories deeper than the limit.
//! Here a directory's subdirectories are moved up to the top before it is removed: nothing is ever deeper than two.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::beneath;

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Removes the file or tree at `path`; what is not there is removed already.
pub(crate) fn remove_all(path: &Path) -> Result<(), Errno> {
    remove_all_at(AT_FDCWD, path)
}

/// As [`remove_all`], for `name` in `directory`. A link is removed, not followed.
pub(crate) fn remove_all_at(directory: impl AsFd, name: &Path) -> Result<(), Errno> {
    let Some(metadata) = beneath::look(&directory, name)? else { return Ok(()) };
    if beneath::kind(&metadata) != SFlag::S_IFDIR {
        return unlink(&directory, name, UnlinkatFlags::NoRemoveDir);
    }
    empty(&directory, name)?;
    unlink(&directory, name, UnlinkatFlags::RemoveDir)
}

fn empty(directory: impl AsFd, name: &Path) -> Result<(), Errno> {
    let mut top = open(&directory, name)?;
    let mut moved = 0_u64;
    let mut round = names(&mut top)?;
    while !round.is_empty() {
        for (child, is_directory) in round {
            if !is_directory {
                unlink(&top, child.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
                continue;
            }
            let mut below = open(&top, child.as_c_str())?;
            for (grandchild, is_directory) in names(&mut below)? {
                if is_directory {
                    lift(&below, &grandchild, &top, &mut moved)?;
                } else {
                    unlink(&below, grandchild.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
                }
            }
            unlink(&top, child.as_c_str(), UnlinkatFlags::RemoveDir)?;
        }
        top = open(&directory, name)?;
        round = names(&mut top)?;
    }
    Ok(())
}

/// Moves a directory to the top, under a name that nothing has.
fn lift(from: &Dir, name: &CStr, top: &Dir, moved: &mut u64) -> Result<(), Errno> {
    loop {
        let free = format!(".lifted-{moved}");
        *moved += 1;
        match renameat(from, name, top, free.as_str()) {
            // Moving a directory changes its `..`: without privileges it must be ours to write to.
            Err(Errno::EACCES) => {
                fchmodat(from, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
                renameat(from, name, top, free.as_str())?;
                return Ok(());
            }
            Err(Errno::EPERM) => {
                thaw(from, name)?;
                return renameat(from, name, top, free.as_str());
            }
            Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR) => {}
            other => return gone(other),
        }
    }
}

/// Opens a directory to be emptied. The mode may keep its owner out: overlayfs gives `work/work` mode 000.
fn open<P: nix::NixPath + ?Sized>(directory: impl AsFd, name: &P) -> Result<Dir, Errno> {
    let opened = match openat(&directory, name, DIRECTORY, Mode::empty()) {
        Err(Errno::EACCES) => {
            fchmodat(&directory, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            openat(&directory, name, DIRECTORY, Mode::empty())?
        }
        other => other?,
    };
    Dir::from_fd(opened)
}

fn names(directory: &mut Dir) -> Result<Vec<(CString, bool)>, Errno> {
    let mut names = Vec::new();
    let entries: Vec<_> = directory.iter().collect::<Result<_, _>>()?;
    for entry in entries {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let is_directory = match entry.file_type() {
            Some(kind) => kind == nix::dir::Type::Directory,
            // Not every file system tells while listing.
            None => beneath::look(&*directory, Path::new(OsStr::from_bytes(name.to_bytes())))?
                .is_some_and(|found| beneath::kind(&found) == SFlag::S_IFDIR),
        };
        names.push((name.to_owned(), is_directory));
    }
    Ok(names)
}

fn unlink<P: nix::NixPath + ?Sized>(directory: impl AsFd, name: &P, flags: UnlinkatFlags) -> Result<(), Errno> {
    match unlinkat(&directory, name, flags) {
        Err(Errno::EPERM) => {
            thaw(&directory, name)?;
            gone(unlinkat(&directory, name, flags))
        }
        other => gone(other),
    }
}

/// A privileged container can make files, and directories, that not even root may remove: `chattr +i`, `chattr +a`.
fn thaw<P: nix::NixPath + ?Sized>(directory: impl AsFd, name: &P) -> Result<(), Errno> {
    let clear = |file: BorrowedFd| -> Result<(), Errno> {
        let flags = ioctl_getflags(file).map_err(|_| Errno::EPERM)?;
        let frozen = IFlags::IMMUTABLE | IFlags::APPEND;
        if flags.intersects(frozen) { ioctl_setflags(file, flags - frozen).map_err(|_| Errno::EPERM) } else { Ok(()) }
    };
    clear(directory.as_fd())?;
    let metadata = fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    // Only these can have the flags, and opening a device may do something.
    if matches!(beneath::kind(&metadata), SFlag::S_IFREG | SFlag::S_IFDIR) {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        clear(openat(&directory, name, flags, Mode::empty())?.as_fd())?;
    }
    Ok(())
}

fn gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}
