//! What the lower layers show together, asked of them one by one: without a mount, and also for a container that is gone.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat};

use crate::beneath::{self, DIRECTORY};
use crate::walk;
use crate::xattr::{self, Privilege};

/// Layers, topmost first.
pub(crate) struct Lowers {
    roots: Vec<OwnedFd>,
    privilege: Privilege,
}

/// What one layer says of a path.
enum Said {
    /// Here it is. `opaque`: layers further down are hidden there.
    Found { metadata: FileStat, opaque: bool },
    /// Deleted here, or covered by something else: layers further down are not asked.
    Hidden,
    /// Nothing.
    Missing,
}

impl Lowers {
    pub(crate) fn open(paths: &[&Path], privilege: Privilege) -> Result<Self, Errno> {
        let roots = paths.iter().map(|path| beneath::root(path)).collect::<Result<_, _>>()?;
        Ok(Self { roots, privilege })
    }

    /// The file that the layers show at `path`.
    pub(crate) fn look(&self, path: &Path) -> Result<Option<FileStat>, Errno> {
        for root in &self.roots {
            match self.ask(root, path)? {
                Said::Found { metadata, .. } => return Ok(Some(metadata)),
                Said::Hidden => return Ok(None),
                Said::Missing => {}
            }
        }
        Ok(None)
    }

    /// An attribute of the file that the layers show at `path`.
    pub(crate) fn attribute(&self, path: &Path, key: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        for root in &self.roots {
            match self.ask(root, path)? {
                Said::Found { .. } => return xattr::of(root, path, key),
                Said::Hidden => return Ok(None),
                Said::Missing => {}
            }
        }
        Ok(None)
    }

    /// The names that the layers show in the directory `path`.
    pub(crate) fn names(&self, path: &Path) -> Result<BTreeSet<OsString>, Errno> {
        let mut shown = BTreeSet::new();
        let mut deleted = HashSet::new();
        for root in &self.roots {
            let opaque = match self.ask(root, path)? {
                Said::Missing => continue,
                Said::Found { metadata, opaque } if beneath::kind(&metadata) == SFlag::S_IFDIR => opaque,
                Said::Found { .. } | Said::Hidden => break,
            };
            let Some(mut directory) = walk::open(root, path)? else { break };
            for name in walk::names(&mut directory)? {
                let found = beneath::look(&directory, Path::new(&name))?;
                if found.is_some_and(|found| beneath::is_whiteout(&found)) {
                    deleted.insert(name);
                } else if !deleted.contains(&name) {
                    shown.insert(name);
                }
            }
            if opaque {
                break;
            }
        }
        Ok(shown)
    }

    fn ask(&self, root: &OwnedFd, path: &Path) -> Result<Said, Errno> {
        let mut directory = beneath::open(root, Path::new(""), DIRECTORY)?;
        let mut said = Said::Found { metadata: fstat(&directory)?, opaque: false };
        for name in path.iter().map(Path::new) {
            let Said::Found { metadata, opaque } = said else { break };
            if beneath::kind(&metadata) != SFlag::S_IFDIR {
                return Ok(Said::Hidden);
            }
            said = match beneath::look(&directory, name)? {
                None if opaque => Said::Hidden,
                None => Said::Missing,
                Some(found) if beneath::is_whiteout(&found) => Said::Hidden,
                Some(found) if beneath::kind(&found) == SFlag::S_IFDIR => {
                    directory = beneath::open(&directory, name, DIRECTORY)?;
                    Said::Found { metadata: found, opaque: opaque || is_opaque(&directory, self.privilege)? }
                }
                Some(found) => Said::Found { metadata: found, opaque },
            };
        }
        Ok(said)
    }
}

/// Whether a directory hides what lower layers have there.
pub(crate) fn is_opaque(directory: &OwnedFd, privilege: Privilege) -> Result<bool, Errno> {
    let value = xattr::get(directory, Path::new(""), privilege.opaque().as_bytes())?;
    Ok(value.as_deref() == Some(b"y"))
}
