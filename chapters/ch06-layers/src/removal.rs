//! Removing a tree that somebody hostile has made, with a handful of descriptors and some kilobytes of memory, however
//! deep and wide it is.
//!
//! A recursive removal holds one descriptor per level, and a container can nest directories deeper than the limit.
//! Here a directory's subdirectories are moved up to the top before it is removed: nothing is ever deeper than two. And a
//! directory can have millions of names: none is kept, each is removed as it is read.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat};
use nix::unistd::{UnlinkatFlags, Whence, lseek, unlinkat};
use rustix::fs::{FileType, IFlags, RawDir, ioctl_getflags, ioctl_setflags};

use crate::beneath;

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Room for the names that the kernel gives at once: of each of two directories.
const BUFFER: usize = 16 << 10;

/// Removes the file or tree at `path`; what is not there is removed already.
///
/// # Errors
/// Of the kernel, for whatever stays.
pub fn remove_all(path: &Path) -> Result<(), Errno> {
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
    let top = open(&directory, name)?;
    let mut buffers = [Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER)];
    let [of_top, of_below] = &mut buffers;
    let mut moved = 0_u64;
    // What was moved up may come behind what has been read.
    while each(&top, of_top, |child, is_directory| {
        if !is_directory {
            return unlink(&top, child, UnlinkatFlags::NoRemoveDir);
        }
        let below = open(&top, child)?;
        loop {
            let any = each(&below, of_below, |grandchild, is_directory| {
                if is_directory {
                    lift(&below, grandchild, &top, &mut moved)
                } else {
                    unlink(&below, grandchild, UnlinkatFlags::NoRemoveDir)
                }
            })?;
            match unlink(&top, child, UnlinkatFlags::RemoveDir) {
                // Not every file system shows all names of a directory that changes while it is read.
                Err(Errno::ENOTEMPTY | Errno::EEXIST) if any => {}
                other => return other,
            }
        }
    })? {}
    Ok(())
}

/// Calls `act` with each name in the directory, and whether that is a directory, while they are read. Returns whether there
/// was any.
fn each(
    directory: &OwnedFd,
    buffer: &mut Vec<u8>,
    mut act: impl FnMut(&CStr, bool) -> Result<(), Errno>,
) -> Result<bool, Errno> {
    let mut any = false;
    lseek(directory, 0, Whence::SeekSet)?;
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let is_directory = match entry.file_type() {
            // Not every file system tells while listing.
            FileType::Unknown => beneath::look(directory, Path::new(OsStr::from_bytes(name.to_bytes())))?
                .is_some_and(|found| beneath::kind(&found) == SFlag::S_IFDIR),
            kind => kind == FileType::Directory,
        };
        act(name, is_directory)?;
        any = true;
    }
    Ok(any)
}

/// Moves a directory to the top, under a name that nothing has.
fn lift(from: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> Result<(), Errno> {
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
fn open<P: nix::NixPath + ?Sized>(directory: impl AsFd, name: &P) -> Result<OwnedFd, Errno> {
    match openat(&directory, name, DIRECTORY, Mode::empty()) {
        Err(Errno::EACCES) => {
            fchmodat(&directory, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            openat(&directory, name, DIRECTORY, Mode::empty())
        }
        other => other,
    }
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
    let file = openat(&directory, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    // Only these can have the flags, and opening a device may do something.
    if matches!(beneath::kind(&fstat(&file)?), SFlag::S_IFREG | SFlag::S_IFDIR) {
        clear(rootfs::reopen(&file)?.as_fd())?;
    }
    Ok(())
}

fn gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}
