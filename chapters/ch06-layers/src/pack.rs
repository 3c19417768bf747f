//! From files to an archive: the same tree always gives the same bytes, since the digest of the bytes is its name.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstat, major, minor};

use crate::beneath::{self, DIRECTORY};
use crate::diff_id::DiffId;
use crate::digest::Hashing;
use crate::error::{LayerError, Refusal};
use crate::name;
use crate::walk::{Found, Walk};
use crate::write::{Archive, Item};
use crate::xattr::{self, Privilege};

/// Writes the tree at `upper` as an OCI layer: overlayfs' signs become `.wh.` names, times are whole seconds, sockets are
/// left out. Returns the digest of what was written.
///
/// # Errors
/// [`LayerError`].
pub fn create_tar(upper: &Path, out: impl Write) -> Result<DiffId, LayerError> {
    let mut hashing = Hashing::new(out);
    let mut packer = Packer {
        walk: Walk::new(upper)?,
        archive: Archive::new(&mut hashing),
        privilege: Privilege::own(),
        linked: HashMap::new(),
    };
    while let Some(found) = packer.walk.next()? {
        packer.add(&found)?;
    }
    packer.archive.finish()?;
    hashing.flush().map_err(LayerError::Write)?;
    Ok(hashing.finish())
}

struct Packer<W> {
    walk: Walk,
    archive: Archive<W>,
    privilege: Privilege,
    /// The first name of each file that has several.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packer<W> {
    fn add(&mut self, found: &Found) -> Result<(), LayerError> {
        let Found { path, metadata } = found;
        let kind = beneath::kind(metadata);
        if beneath::is_whiteout(metadata) {
            return self.archive.marker(&name::whiteout_of(path));
        }
        if kind == SFlag::S_IFSOCK {
            // Nobody listens any more where the layer is used.
            return Ok(());
        }
        if name::looks_like_whiteout(path) {
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
        let mut item = Item::new(path, metadata, xattrs);
        match (first, kind) {
            (Some(first), _) => self.archive.link(&item, &first),
            (None, SFlag::S_IFREG) => {
                let mut file = self.open(path)?;
                item.size = file.metadata().map_err(LayerError::Read)?.len();
                self.archive.file(&item, &mut file, path)
            }
            (None, SFlag::S_IFDIR) => {
                self.archive.directory(&item)?;
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
        beneath::open(self.walk.root(), parent, DIRECTORY).map_err(LayerError::file("open", parent))
    }

    fn open(&self, path: &Path) -> Result<File, LayerError> {
        // Only found: to open a FIFO or a device that took the file's place would wait, or do something.
        let file = beneath::open(self.walk.root(), path, OFlag::O_PATH).map_err(LayerError::file("find", path))?;
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
        let packer = Packer {
            walk: Walk::new(upper.path()).expect("a walk"),
            archive: Archive::new(&mut out),
            privilege: Privilege::own(),
            linked: HashMap::new(),
        };
        let refused = packer.open(Path::new("file")).expect_err("no file");
        assert!(matches!(refused, LayerError::Entry { reason: Refusal::Changing, .. }), "{refused}");
    }
}
