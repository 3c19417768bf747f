//! From files to an archive: the same tree always gives the same bytes, since the digest of the bytes is its name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstat, major, minor};

use crate::beneath::{self, DIRECTORY};
use crate::digest::DiffId;
use crate::error::{LayerError, Refusal};
use crate::hashing::Hashing;
use crate::name;
use crate::view::View;
use crate::walk::{Found, Walk};
use crate::write::{Archive, Item};
use crate::xattr::{self, Privilege};

/// Writes the tree at `upper` as an OCI layer: overlayfs' signs become `.wh.` names, times are whole seconds, sockets are
/// left out. Returns the digest of what was written.
///
/// # Errors
/// [`LayerError`].
pub fn create_tar(upper: &Path, out: impl Write) -> Result<DiffId, LayerError> {
    create_tar_in(upper, &View::default(), out)
}

/// The same, looked at in a certain way.
///
/// # Errors
/// [`LayerError`].
pub fn create_tar_in(upper: &Path, view: &View, out: impl Write) -> Result<DiffId, LayerError> {
    let mut hashing = Hashing::new(out);
    Packer::new(Walk::new(upper)?, *view, None, &mut hashing).run()?;
    hashing.flush().map_err(LayerError::Write)?;
    Ok(hashing.finish())
}

/// Writes files as they are, for whoever wants to have them: all below the directory `root`, or the one file `name` in it.
/// `names` is what the archive calls it. What vanishes meanwhile is left out, as are sockets and what the kernel makes up.
///
/// # Errors
/// [`LayerError`].
pub fn pack_files(root: OwnedFd, name: &Path, names: &Path, view: &View, out: impl Write) -> Result<(), LayerError> {
    let walk = Walk::across(root, name).map_err(LayerError::file("find", name))?;
    let names = Names { from: name.into(), to: names.into() };
    let mut out = out;
    Packer::new(walk, *view, Some(names), &mut out).run()?;
    out.flush().map_err(LayerError::Write)
}

/// What the archive calls the files.
struct Names {
    from: PathBuf,
    to: PathBuf,
}

struct Packer<'a, W> {
    walk: Walk,
    archive: Archive<W>,
    view: View<'a>,
    /// Other names than they have; and then it is no layer.
    names: Option<Names>,
    privilege: Privilege,
    /// The first name of each file that has several.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<'a, W: Write> Packer<'a, W> {
    fn new(walk: Walk, view: View<'a>, names: Option<Names>, out: W) -> Self {
        let archive = Archive::new(out);
        Self { walk, archive, view, names, privilege: Privilege::own(), linked: HashMap::new() }
    }

    fn run(mut self) -> Result<(), LayerError> {
        while let Some(mut found) = self.walk.next()? {
            self.view.translate(&mut found.metadata);
            if self.view.hides(&found.path, &found.metadata) {
                continue;
            }
            // Whoever has the whole root has no entry for it.
            if self.names.is_some() && self.name_of(&found.path).as_os_str().is_empty() {
                continue;
            }
            match self.add(&found) {
                Err(LayerError::File { errno: Errno::ENOENT, .. }) if self.names.is_some() => {}
                other => other?,
            }
        }
        self.archive.finish()
    }

    /// What the archive calls the file.
    fn name_of<'p>(&self, path: &'p Path) -> Cow<'p, Path> {
        let Some(Names { from, to }) = &self.names else { return path.into() };
        match path.strip_prefix(from) {
            Ok(rest) if !rest.as_os_str().is_empty() => to.join(rest).into(),
            _ => to.clone().into(),
        }
    }

    fn add(&mut self, found: &Found) -> Result<(), LayerError> {
        let Found { path, metadata } = found;
        let kind = beneath::kind(metadata);
        if beneath::is_whiteout(metadata) {
            // Among files it is nothing: overlayfs lets nobody make one.
            return if self.names.is_some() { Ok(()) } else { self.archive.marker(&name::whiteout_of(path)) };
        }
        if kind == SFlag::S_IFSOCK {
            // Nobody listens any more where the layer is used.
            return Ok(());
        }
        if self.names.is_none() && name::looks_like_whiteout(path) {
            return Err(LayerError::entry(path, Refusal::Unrepresentable));
        }
        let first = self.first_name(path, metadata);
        let parent = self.parent(path)?;
        let own = path.file_name().map_or(Path::new(""), Path::new);
        let failed = |action| LayerError::file(action, path);
        let xattrs = if first.is_some() {
            Vec::new()
        } else {
            xattr::all(&parent, own).map_err(failed("read the attributes of"))?
        };
        let called = self.name_of(path);
        let mut item = Item::new(&called, metadata, xattrs);
        match (first, kind) {
            (Some(first), _) => {
                let first = self.name_of(&first);
                self.archive.link(&item, &first)
            }
            (None, SFlag::S_IFREG) => {
                let mut file = self.open(path)?;
                item.size = file.metadata().map_err(LayerError::Read)?.len();
                self.archive.file(&item, &mut file, path)
            }
            (None, SFlag::S_IFDIR) => {
                self.archive.directory(&item)?;
                if self.names.is_some() {
                    return Ok(());
                }
                let opaque = xattr::get(&parent, own, self.privilege.opaque().as_bytes())
                    .map_err(failed("read the attributes of"))?;
                if opaque.as_deref() == Some(b"y") { self.archive.marker(&name::opaque_of(path)) } else { Ok(()) }
            }
            (None, SFlag::S_IFLNK) => {
                let target = readlinkat(&parent, own).map_err(failed("read the link"))?;
                self.archive.symlink(&item, target.as_bytes())
            }
            (None, kind) => {
                let number = (number(major(metadata.st_rdev)), number(minor(metadata.st_rdev)));
                self.archive.special(&item, kind, number)
            }
        }
    }

    /// The name under which this file is in the archive already, if it has several.
    fn first_name(&mut self, path: &Path, metadata: &FileStat) -> Option<PathBuf> {
        if beneath::kind(metadata) == SFlag::S_IFDIR || metadata.st_nlink < 2 {
            return None;
        }
        match self.linked.entry((metadata.st_dev, metadata.st_ino)) {
            std::collections::hash_map::Entry::Occupied(first) => Some(first.get().clone()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(path.into());
                None
            }
        }
    }

    fn parent(&self, path: &Path) -> Result<OwnedFd, LayerError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.walk.open(parent, DIRECTORY).map_err(LayerError::file("open", parent))
    }

    fn open(&self, path: &Path) -> Result<File, LayerError> {
        // Only found: to open a FIFO or a device that took the file's place would wait, or do something.
        let file = self.walk.open(path, OFlag::O_PATH).map_err(LayerError::file("find", path))?;
        let metadata = fstat(&file).map_err(LayerError::file("look at", path))?;
        if beneath::kind(&metadata) != SFlag::S_IFREG {
            return Err(LayerError::entry(path, Refusal::Changing));
        }
        rootfs::reopen(&file).map(File::from).map_err(LayerError::file("open", path))
    }
}

fn number(device: u64) -> u32 {
    u32::try_from(device).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A socket cannot be opened, so to try would be another error.
    #[test]
    fn what_took_the_place_of_a_file_is_not_opened() {
        let upper = tempfile::tempdir().expect("a directory");
        let _socket = UnixListener::bind(upper.path().join("file")).expect("a socket");
        let mut out = Vec::new();
        let walk = Walk::new(upper.path()).expect("a walk");
        let packer = Packer::new(walk, View::default(), None, &mut out);
        let refused = packer.open(Path::new("file")).expect_err("no file");
        assert!(matches!(refused, LayerError::Entry { reason: Refusal::Changing, .. }), "{refused}");
    }
}
