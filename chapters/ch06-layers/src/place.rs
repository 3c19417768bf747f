//! Placing the files of an archive among files that are there: in a container's root while it runs, or in a directory of
//! the caller's. Unlike a layer this is somebody's, who may be at work in it: links lead on inside it and never out, what
//! is mounted in it is part of it, and nothing but the files named is replaced.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use namespaces::IdRange;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat, makedev, mknodat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, linkat, symlinkat, unlinkat};
use process::{Diagnose, FailureKind};
use rootfs::{RootDir, RootDirError};
use thiserror::Error;

use crate::beneath;
use crate::compression::Plain;
use crate::entries::Entries;
use crate::error::LayerError;
use crate::extract;
use crate::header::{Entry, Kind};
use crate::metadata;
use crate::times::Times;
use crate::view;

/// Until the whole content is there.
const PRIVATE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// Directories that no entry names.
const IMPLIED: u32 = 0o755;

/// Why a file is not placed.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// The archive, or the kernel.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The way to it.
    #[error(transparent)]
    Way(#[from] RootDirError),
    /// A file stands where a directory is to be.
    #[error("cannot overwrite non-directory {0:?} with directory {1:?}")]
    FileInTheWay(PathBuf, PathBuf),
    /// The other way round.
    #[error("cannot overwrite directory {0:?} with non-directory {1:?}")]
    DirectoryInTheWay(PathBuf, PathBuf),
    /// Something is mounted on the file that is to be replaced.
    #[error("RemoveAll {0}: device or resource busy")]
    Busy(PathBuf),
    /// A hard link to what is not there.
    #[error("hard link {0:?} leads to {1:?}, which is not there")]
    Target(PathBuf, PathBuf),
    /// A user that the container's user namespace does not have.
    #[error("the container has no user or group {1}, the owner of {0:?}")]
    Owner(PathBuf, u32),
}

impl Diagnose for PlaceError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Layer | Way)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Layer(_) | Self::Way(_) => None,
            Self::Busy(_) => Some(FailureKind::Conflict),
            _ => Some(FailureKind::Invalid),
        }
    }
}

/// Whose the files become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The archive's owners, as the container's user namespace has them, if it has one.
    Archive(Option<IdRange>),
    /// These two, as the host counts.
    Of(u32, u32),
    /// The caller's. What would give a right to others is left out: programs that run as their owner, capabilities,
    /// access lists, and devices.
    Caller,
}

/// What was placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Placed {
    /// Bytes of the archive, with its headers.
    pub bytes: u64,
    /// Devices that were left out.
    pub devices: u64,
}

/// Places the files of an archive, plain or compressed: see [`place_tar`].
///
/// # Errors
/// [`PlaceError`].
pub fn place_archive(input: impl Read, destination: OwnedFd, ownership: Ownership) -> Result<Placed, PlaceError> {
    place_tar(Plain::new(input)?, destination, ownership)
}

/// Places the files of an archive in the directory `destination`, which is the root of all its names.
///
/// # Errors
/// [`PlaceError`]. What came before it in the archive is placed; of the file itself nothing is left.
pub fn place_tar(input: impl Read, destination: OwnedFd, ownership: Ownership) -> Result<Placed, PlaceError> {
    let mut archive = Entries::new(Counted { input, bytes: 0 });
    let root = RootDir::from_fd(destination);
    let mut placing = Placing { root, ownership, times: Times::default(), placed: Placed::default() };
    let done = loop {
        match archive.next() {
            Ok(Some(entry)) => placing.place(entry, &mut archive)?,
            Ok(None) => break archive.drain(),
            Err(error) => break Err(error),
        }
    };
    done?;
    placing.set_times()?;
    Ok(Placed { bytes: archive.into_inner().bytes, ..placing.placed })
}

struct Counted<R> {
    input: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

struct Placing {
    root: RootDir,
    ownership: Ownership,
    times: Times,
    placed: Placed,
}

impl Placing {
    fn place(&mut self, mut entry: Entry, content: &mut impl Read) -> Result<(), PlaceError> {
        self.translate(&mut entry)?;
        let path = entry.path.clone();
        let failed = |action| LayerError::file(action, &path);
        let Some(name) = path.file_name().map(Path::new) else {
            // It was there before, and is somebody's.
            return Ok(());
        };
        if self.ownership == Ownership::Caller && matches!(entry.kind, Kind::CharDevice(..) | Kind::BlockDevice(..)) {
            self.placed.devices += 1;
            return Ok(());
        }
        let parent = self.directory(path.parent().unwrap_or(Path::new("")))?;
        match beneath::look(&parent, name).map_err(failed("look at"))? {
            Some(found) if beneath::kind(&found) == SFlag::S_IFDIR => {
                if entry.kind != Kind::Directory {
                    return Err(PlaceError::DirectoryInTheWay(name.into(), path));
                }
                let directory = beneath::open_across(&parent, name, beneath::DIRECTORY).map_err(failed("open"))?;
                return self.keep(&directory, &entry);
            }
            Some(_) if entry.kind == Kind::Directory => return Err(PlaceError::FileInTheWay(name.into(), path)),
            Some(_) => remove(&parent, name, &path)?,
            None => {}
        }
        match &entry.kind {
            Kind::Directory => {
                nix::sys::stat::mkdirat(&parent, name, Mode::S_IRWXU).map_err(failed("create"))?;
                let directory = beneath::open_across(&parent, name, beneath::DIRECTORY).map_err(failed("open"))?;
                return self.keep(&directory, &entry);
            }
            Kind::Regular => return file(&parent, name, &entry, content),
            Kind::HardLink(target) => return self.link(target, &parent, name, &path),
            Kind::Symlink(target) => symlinkat(target.as_slice(), &parent, name).map_err(failed("create"))?,
            Kind::Fifo => mknodat(&parent, name, SFlag::S_IFIFO, PRIVATE, 0).map_err(failed("create"))?,
            Kind::CharDevice(major, minor) => {
                device(&parent, name, SFlag::S_IFCHR, (*major, *minor)).map_err(failed("create a device at"))?;
            }
            Kind::BlockDevice(major, minor) => {
                device(&parent, name, SFlag::S_IFBLK, (*major, *minor)).map_err(failed("create a device at"))?;
            }
        }
        Ok(metadata::apply(&parent, name, &entry)?)
    }

    /// The directory at `path`, made where it is missing: archives need not name it.
    fn directory(&self, path: &Path) -> Result<OwnedFd, PlaceError> {
        let root = match self.ownership {
            Ownership::Archive(Some(range)) => range.outside,
            _ => return Ok(self.root.create_dir_all(path, IMPLIED)?),
        };
        // Ours are nobody's in there.
        let mut outermost_first: Vec<&Path> = path.ancestors().collect();
        while let Some(ancestor) = outermost_first.pop() {
            if self.root.resolve(ancestor).is_err_and(|error| error.is_not_found()) {
                let made = self.root.create_dir_all(ancestor, IMPLIED)?;
                let opened = rootfs::reopen(&made).map_err(LayerError::file("open", ancestor))?;
                fchown(&opened, Some(Uid::from_raw(root)), Some(Gid::from_raw(root)))
                    .map_err(LayerError::file("set the owner of", ancestor))?;
            }
        }
        Ok(self.root.create_dir_all(path, IMPLIED)?)
    }

    /// Owner and mode of a directory; its time comes last.
    fn keep(&mut self, directory: &OwnedFd, entry: &Entry) -> Result<(), PlaceError> {
        let path = entry.path.as_path();
        let opened = rootfs::reopen(directory).map_err(LayerError::file("open", path))?;
        fchown(&opened, Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)))
            .map_err(LayerError::file("set the owner of", path))?;
        let mode = Mode::from_bits_truncate(entry.mode);
        metadata::set_mode(directory, mode).map_err(LayerError::file("set the mode of", path))?;
        metadata::set_attributes(&opened, entry)?;
        self.times.keep(path.into(), entry.mtime);
        Ok(())
    }

    fn link(&self, target: &Path, parent: &OwnedFd, name: &Path, path: &Path) -> Result<(), PlaceError> {
        let missing = || PlaceError::Target(path.into(), target.into());
        let target_name = target.file_name().ok_or_else(missing)?;
        let within = self.root.resolve(target.parent().unwrap_or(Path::new("/"))).map_err(|_| missing())?;
        // Without AT_SYMLINK_FOLLOW, a link's second name leads to the link.
        match linkat(&within, target_name, parent, name, AtFlags::empty()) {
            Err(Errno::ENOENT) => Err(missing()),
            other => Ok(other.map_err(LayerError::file("link", path))?),
        }
    }

    fn translate(&self, entry: &mut Entry) -> Result<(), PlaceError> {
        match self.ownership {
            Ownership::Archive(None) => {}
            Ownership::Archive(Some(range)) => {
                let there = |id| view::outside(range, id).ok_or_else(|| PlaceError::Owner(entry.path.clone(), id));
                (entry.uid, entry.gid) = (there(entry.uid)?, there(entry.gid)?);
            }
            Ownership::Of(uid, gid) => (entry.uid, entry.gid) = (uid, gid),
            Ownership::Caller => {
                (entry.uid, entry.gid) = (Uid::effective().as_raw(), Gid::effective().as_raw());
                if entry.kind != Kind::Directory {
                    entry.mode &= 0o1777;
                }
                entry.xattrs.retain(|(key, _)| key.starts_with(b"user."));
            }
        }
        Ok(())
    }

    fn set_times(&mut self) -> Result<(), PlaceError> {
        for (path, time) in std::mem::take(&mut self.times) {
            // Moved or replaced meanwhile, it is another's.
            if let Ok(directory) = self.root.resolve(&path).and_then(|found| {
                rootfs::reopen(&found).map_err(|errno| RootDirError::Path { action: "open", path: path.clone(), errno })
            }) && fstat(&directory).is_ok_and(|found| beneath::kind(&found) == SFlag::S_IFDIR)
            {
                metadata::set_time(&directory, &path, time)?;
            }
        }
        Ok(())
    }
}

/// Makes way for a file. What something is mounted on stays: in another mount namespace than the container's, the kernel
/// would remove the file, and the mount with it.
fn remove(parent: &OwnedFd, name: &Path, path: &Path) -> Result<(), PlaceError> {
    match beneath::open(parent, name, OFlag::O_PATH) {
        Err(Errno::EXDEV) => return Err(PlaceError::Busy(name.into())),
        Ok(_) | Err(Errno::ENOENT | Errno::ELOOP) => {}
        Err(errno) => return Err(LayerError::file("replace", path)(errno).into()),
    }
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(Errno::EBUSY) => Err(PlaceError::Busy(name.into())),
        Err(errno) => Err(LayerError::file("replace", path)(errno).into()),
    }
}

/// A new file, complete or not at all.
fn file(parent: &OwnedFd, name: &Path, entry: &Entry, content: &mut impl Read) -> Result<(), PlaceError> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = openat(parent, name, flags, PRIVATE).map_err(LayerError::file("create", &entry.path))?;
    let made = File::from(made);
    let filled = extract::copy(content, &made, &entry.path).and_then(|()| metadata::apply_to_file(&made, entry));
    if filled.is_err() {
        // What went wrong is the news.
        let _ = unlinkat(parent, name, UnlinkatFlags::NoRemoveDir);
    }
    Ok(filled?)
}

fn device(parent: impl AsFd, name: &Path, kind: SFlag, (major, minor): (u32, u32)) -> Result<(), Errno> {
    mknodat(parent, name, kind, PRIVATE, makedev(major.into(), minor.into()))
}
