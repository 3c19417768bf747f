//! Filling a new tmpfs with what it is going to hide (`tmpcopyup`, which podman asks for with every tmpfs).
//!
//! What is copied is the image's, or another container's that writes to it at this moment: each file is found once, without
//! following a link, looked at, and only then opened by what was found.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, fchownat, symlinkat};

use crate::procfs::Procfs;

/// No honest tree is deeper.
const DEEPEST: u32 = 256;

/// Copies all that is in the directory `from` to `to`, owners and modes with it.
pub(crate) fn copy_up(from: &OwnedFd, to: &OwnedFd, procfs: &Procfs) -> Result<(), Errno> {
    directory(procfs.reopen(from, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?, to.as_fd(), procfs, 0)
}

fn directory(from: OwnedFd, to: BorrowedFd, procfs: &Procfs, depth: u32) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::ELOOP);
    }
    let mut entries = Dir::from_fd(from)?;
    let names: Vec<_> = entries.iter().collect::<Result<_, _>>()?;
    for entry in names {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            one(&entries, name, to, procfs, depth)?;
        }
    }
    Ok(())
}

fn one(parent: &Dir, name: &OsStr, to: BorrowedFd, procfs: &Procfs, depth: u32) -> Result<(), Errno> {
    const FIND: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
    let found = openat(parent, name, FIND, Mode::empty())?;
    let metadata = fstat(&found)?;
    let (kind, mode) =
        (SFlag::from_bits_truncate(metadata.st_mode) & SFlag::S_IFMT, Mode::from_bits_truncate(metadata.st_mode));
    match kind {
        SFlag::S_IFDIR => {
            mkdirat(to, name, Mode::S_IRWXU)?;
            let made = openat(
                to,
                name,
                OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
                Mode::empty(),
            )?;
            directory(procfs.reopen(&found, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?, made.as_fd(), procfs, depth + 1)?;
        }
        SFlag::S_IFREG => {
            let new = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let mut made = File::from(openat(to, name, new, Mode::S_IRUSR)?);
            io::copy(&mut File::from(procfs.reopen(&found, OFlag::O_RDONLY)?), &mut made)
                .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)))?;
        }
        SFlag::S_IFLNK => symlinkat(readlinkat(&found, "")?.as_os_str(), to, name)?,
        // What it is connected to is somewhere else.
        SFlag::S_IFSOCK => return Ok(()),
        _ => mknodat(to, name, kind, Mode::S_IRUSR, metadata.st_rdev)?,
    }
    let (owner, group) = (Uid::from_raw(metadata.st_uid), Gid::from_raw(metadata.st_gid));
    fchownat(to, name, Some(owner), Some(group), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    // After the owner, for a change of that takes setuid away. Nobody else can write to the new file system yet.
    if kind == SFlag::S_IFLNK { Ok(()) } else { fchmodat(to, name, mode, FchmodatFlags::FollowSymlink) }
}
