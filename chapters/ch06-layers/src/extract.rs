//! Making a layer's files: parents resolved by descriptor inside the layer, no link followed out of it, nothing trusted.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, makedev, mkdirat, mknodat};
use nix::unistd::{linkat, symlinkat};

use crate::beneath::{self, DIRECTORY};
use crate::disk_error::DiskError;
use crate::error::{LayerError, Refusal};
use crate::header::{Entry, Kind};
use crate::metadata;
use crate::removal::remove_all_at;
use crate::times::Times;
use crate::way::{Next, Way};
use crate::xattr::{self, Privilege};

/// Directories that no entry names, but that names lead through.
const IMPLIED: Mode = Mode::from_bits_truncate(0o755);
/// Until the whole content is there.
const PRIVATE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
const BUFFER: usize = 64 * 1024;

/// A directory that a name has led to.
#[derive(Clone)]
struct Reached {
    /// As an archive wrote it.
    asked: PathBuf,
    /// Where that is, without links.
    path: Rc<Path>,
    directory: Rc<OwnedFd>,
}

/// What a name is in its directory.
enum Step {
    Directory(OwnedFd),
    /// A link, which says this.
    Link(PathBuf),
}

/// A layer being unpacked into a directory.
pub(crate) struct Extractor {
    root: OwnedFd,
    privilege: Privilege,
    /// The last entry's parent: archives list a directory's files one after another.
    last: Option<Reached>,
    /// To be set at the end: every file made in a directory changes its time.
    pub(crate) times: Times,
    /// Directories made on the way, and steps that links made us go, to be counted like entries.
    pub(crate) implied: u64,
}

impl Extractor {
    pub(crate) fn new(destination: &Path) -> Result<Self, LayerError> {
        let root = beneath::root(destination).map_err(DiskError::at("open", destination))?;
        // Docker does not ask the archive either: with another mode, no user but root could do anything in a container.
        metadata::set_mode(&root, IMPLIED).map_err(LayerError::file("set the mode of", Path::new("")))?;
        Ok(Self { root, privilege: Privilege::own(), last: None, times: Times::default(), implied: 0 })
    }

    /// Makes one file, with `content` if it has some. What was there before goes, but a directory stays one.
    pub(crate) fn make(&mut self, entry: &Entry, content: &mut impl Read) -> Result<(), LayerError> {
        let path = entry.path.as_path();
        let Some(name) = path.file_name().map(Path::new) else { return self.make_root(entry) };
        let Reached { path: within, directory: parent, .. } = self.parent(path)?;
        let in_the_way = beneath::look(&parent, name).map_err(LayerError::file("look at", path))?;
        if let Kind::HardLink(target) = &entry.kind {
            return self.link(target, path, &parent, name);
        }
        let kept =
            entry.kind == Kind::Directory && in_the_way.is_some_and(|found| beneath::kind(&found) == SFlag::S_IFDIR);
        if in_the_way.is_some() && !kept {
            self.clear(&parent, name, path)?;
        }
        let failed = |errno| LayerError::file("create", path)(errno);
        match &entry.kind {
            Kind::Regular => {
                let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let file = File::from(openat(&parent, name, flags, PRIVATE).map_err(failed)?);
                copy(content, &file, path)?;
                return metadata::apply_to_file(&file, entry);
            }
            Kind::Directory if kept => {}
            Kind::Directory => {
                make_directory(&parent, name).map_err(failed)?;
                // A deletion of this name came before: what lower layers have below it must not come back.
                if in_the_way.is_some_and(|found| beneath::is_whiteout(&found)) {
                    self.mark_opaque(&parent, name, path)?;
                }
            }
            Kind::Symlink(target) => symlinkat(target.as_slice(), &parent, name).map_err(failed)?,
            Kind::CharDevice(major, minor) => device(&parent, name, path, SFlag::S_IFCHR, (*major, *minor))?,
            Kind::BlockDevice(major, minor) => device(&parent, name, path, SFlag::S_IFBLK, (*major, *minor))?,
            Kind::Fifo => mknodat(&parent, name, SFlag::S_IFIFO, PRIVATE, 0).map_err(failed)?,
            Kind::HardLink(_) => {}
        }
        metadata::apply(&parent, name, entry)?;
        if entry.kind == Kind::Directory {
            self.times.keep(within.join(name), entry.mtime);
        }
        Ok(())
    }

    /// Makes overlayfs' sign for "deleted in this layer".
    pub(crate) fn whiteout(&mut self, path: &Path) -> Result<(), LayerError> {
        let Some(name) = path.file_name().map(Path::new) else { return Err(LayerError::entry(path, Refusal::Root)) };
        let parent = self.parent(path)?.directory;
        match beneath::look(&parent, name).map_err(LayerError::file("look at", path))? {
            None => device(&parent, name, path, SFlag::S_IFCHR, (0, 0)),
            // A whiteout speaks of lower layers only, and this layer's own directory has replaced theirs.
            Some(found) if beneath::kind(&found) == SFlag::S_IFDIR => self.mark_opaque(&parent, name, path),
            Some(_) => Ok(()),
        }
    }

    /// Makes the directory `path` one that hides what lower layers have there.
    pub(crate) fn opaque(&mut self, path: &Path) -> Result<(), LayerError> {
        if path.as_os_str().is_empty() {
            // The kernel does not ask the roots of layers whether they are opaque.
            return Err(LayerError::entry(path, Refusal::OpaqueRoot));
        }
        let directory = self.directory(path, path)?.directory;
        self.mark_opaque(&directory, Path::new(""), path)
    }

    /// Sets the times of all directories.
    pub(crate) fn finish(self) -> Result<(), LayerError> {
        for (path, time) in self.times {
            match beneath::open(&self.root, &path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
                Ok(directory) => metadata::set_time(&directory, &path, time)?,
                // Replaced by a later entry.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
                Err(errno) => return Err(LayerError::file("open", &path)(errno)),
            }
        }
        Ok(())
    }

    fn make_root(&mut self, entry: &Entry) -> Result<(), LayerError> {
        if entry.kind != Kind::Directory {
            return Err(LayerError::entry("", Refusal::Root));
        }
        self.times.keep(PathBuf::new(), entry.mtime);
        Ok(())
    }

    /// The directory that `path` is to be made in.
    fn parent(&mut self, path: &Path) -> Result<Reached, LayerError> {
        self.directory(path.parent().unwrap_or(Path::new("")), path)
    }

    /// The directory that `path` leads to, made where it is missing. `entry` is whom we do it for.
    fn directory(&mut self, path: &Path, entry: &Path) -> Result<Reached, LayerError> {
        if let Some(last) = &self.last
            && last.asked == path
        {
            return Ok(last.clone());
        }
        let (reached, directory) = match beneath::open(&self.root, path, DIRECTORY) {
            Ok(directory) => (path.into(), directory),
            // One component at a time, to make what is missing, and to read the links.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => self.walk(path, entry)?,
            Err(errno) => return Err(LayerError::file("open", path)(errno)),
        };
        let reached = Reached { asked: path.into(), path: reached, directory: Rc::new(directory) };
        self.last = Some(reached.clone());
        Ok(reached)
    }

    fn walk(&mut self, path: &Path, entry: &Path) -> Result<(Rc<Path>, OwnedFd), LayerError> {
        let refused = |reason| LayerError::entry(entry, reason);
        let failed = |errno| LayerError::file("open a directory for", entry)(errno);
        let mut way = Way::new(path);
        let mut directory = beneath::open(&self.root, way.here(), DIRECTORY).map_err(failed)?;
        // ANCHOR: walk
        while let Some(next) = way.next() {
            let Next::Name(name) = next else {
                directory = beneath::open(&self.root, way.here(), DIRECTORY).map_err(failed)?;
                continue;
            };
            match self.step(&directory, Path::new(&name), entry)? {
                Step::Directory(below) => {
                    way.enter(&name).map_err(refused)?;
                    directory = below;
                }
                Step::Link(target) => self.implied += way.follow(&target).map_err(refused)?,
            }
        }
        // ANCHOR_END: walk
        Ok((way.here().into(), directory))
    }

    /// What `name` is in `directory`, on the way to `entry`: a directory, made if it is missing, or a link.
    // ANCHOR: step
    fn step(&mut self, directory: &OwnedFd, name: &Path, entry: &Path) -> Result<Step, LayerError> {
        // ANCHOR: ex_step
        let found = beneath::look(directory, name).map_err(LayerError::file("look at", entry))?;
        match found.map(|found| (beneath::kind(&found), beneath::is_whiteout(&found))) {
            Some((SFlag::S_IFDIR, _)) => {}
            Some((SFlag::S_IFLNK, _)) => {
                let target = readlinkat(directory, name).map_err(LayerError::file("read the link", entry))?;
                return Ok(Step::Link(target.into()));
            }
            Some((_, false)) => return Err(LayerError::entry(entry, Refusal::NotDirectory)),
            missing_or_deleted => {
                if missing_or_deleted.is_some() {
                    self.clear(directory, name, entry)?;
                }
                make_directory(directory, name).map_err(LayerError::file("create a directory for", entry))?;
                self.implied += 1;
                if missing_or_deleted.is_some() {
                    self.mark_opaque(directory, name, entry)?;
                }
            }
        }
        let opened = beneath::open(directory, name, DIRECTORY);
        opened.map(Step::Directory).map_err(LayerError::file("open a directory for", entry))
        // ANCHOR_END: ex_step
    }
    // ANCHOR_END: step

    // ANCHOR: link
    fn link(&mut self, target: &Path, path: &Path, parent: &OwnedFd, name: &Path) -> Result<(), LayerError> {
        // ANCHOR: ex_link
        let missing = || LayerError::entry(path, Refusal::Target(target.into()));
        let (Some(within), Some(target_name)) = (target.parent(), target.file_name()) else { return Err(missing()) };
        let directory = match beneath::inside(&self.root, within) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Err(missing()),
            other => other.map_err(LayerError::file("open the target of", path))?,
        };
        if name == target_name && beneath::same(&directory, parent).map_err(LayerError::file("look at", path))? {
            return Err(LayerError::entry(path, Refusal::Itself));
        }
        self.clear(parent, name, path)?;
        // Without AT_SYMLINK_FOLLOW, a link's second name leads to the link.
        match linkat(&directory, target_name, parent, name, AtFlags::empty()) {
            Err(Errno::ENOENT) => Err(missing()),
            other => other.map_err(LayerError::file("link", path)),
        }
        // ANCHOR_END: ex_link
    }
    // ANCHOR_END: link

    fn mark_opaque(&self, directory: &OwnedFd, name: &Path, path: &Path) -> Result<(), LayerError> {
        xattr::set(directory, name, self.privilege.opaque().as_bytes(), b"y")
            .map_err(LayerError::file("hide lower layers at", path))
    }

    fn clear(&mut self, directory: &OwnedFd, name: &Path, path: &Path) -> Result<(), LayerError> {
        // It may be in what we remove.
        self.last = None;
        remove_all_at(directory, name).map_err(LayerError::file("replace", path))
    }
}

fn device(
    parent: &OwnedFd,
    name: &Path,
    path: &Path,
    kind: SFlag,
    (major, minor): (u32, u32),
) -> Result<(), LayerError> {
    mknodat(parent, name, kind, PRIVATE, makedev(major.into(), minor.into()))
        .map_err(LayerError::file("create a device at", path))
}

fn make_directory(parent: &OwnedFd, name: &Path) -> Result<(), Errno> {
    mkdirat(parent, name, IMPLIED)?;
    // Whoever calls us may have another umask.
    fchmodat(parent, name, IMPLIED, FchmodatFlags::FollowSymlink)
}

/// The whole content, into a file.
pub(crate) fn copy(content: &mut impl Read, file: &File, path: &Path) -> Result<(), LayerError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                let written = (&*file).write_all(&buffer[..length]);
                written.map_err(|error| LayerError::file("write", path)(errno(&error)))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(LayerError::Read(error)),
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
