//! What a container has changed: its upper layer, compared with what the lower ones show.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};

use crate::beneath::{self, DIRECTORY};
use crate::error::LayerError;
use crate::lowers::{Lowers, is_opaque};
use crate::view::View;
use crate::walk::{Found, Walk};
use crate::xattr::{self, Privilege};

const CAPABILITY: &[u8] = b"security.capability";

/// What has happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content, its attributes, or what is in it.
    Changed,
    /// It is gone, with all that was in it.
    Deleted,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Added => "A",
            Self::Changed => "C",
            Self::Deleted => "D",
        })
    }
}

/// One line of `docker diff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What has happened.
    pub kind: ChangeKind,
    /// To what, absolute.
    pub path: PathBuf,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.kind, self.path.display())
    }
}

/// What `upper` changes in what `lowers` (topmost first) show, sorted by path; the directories above a change are changed,
/// the root is not listed.
///
/// # Errors
/// [`LayerError::File`], [`LayerError::Disk`].
pub fn changes(upper: &Path, lowers: &[impl AsRef<Path>]) -> Result<Vec<Change>, LayerError> {
    changes_in(upper, lowers, &View::default())
}

/// The same, looked at in a certain way.
///
/// # Errors
/// [`LayerError::File`], [`LayerError::Disk`].
pub fn changes_in(upper: &Path, lowers: &[impl AsRef<Path>], view: &View) -> Result<Vec<Change>, LayerError> {
    let lowers: Vec<&Path> = lowers.iter().map(AsRef::as_ref).collect();
    let privilege = Privilege::own();
    let opened = Lowers::open(&lowers, privilege).map_err(LayerError::file("open a layer below", upper))?;
    let mut comparison = Comparison { lowers: opened, privilege, seen: BTreeMap::new(), opaque: None };
    let mut walk = Walk::new(upper)?;
    while let Some(mut found) = walk.next()? {
        view.translate(&mut found.metadata);
        if !found.path.as_os_str().is_empty() {
            let hidden = view.hides(&found.path, &found.metadata);
            if hidden
                && comparison.lowers.look(&found.path).map_err(LayerError::file("compare", &found.path))?.is_none()
            {
                continue;
            }
            match comparison.add(walk.root(), &found) {
                // Gone meanwhile: its container runs.
                Err(Errno::ENOENT) => {}
                other => other.map_err(LayerError::file("compare", &found.path))?,
            }
        }
    }
    Ok(comparison.finish())
}

struct Comparison {
    lowers: Lowers,
    privilege: Privilege,
    /// Paths are ordered by component: what is in a directory follows it.
    seen: BTreeMap<PathBuf, ChangeKind>,
    /// The outermost opaque directory that we are in.
    opaque: Option<PathBuf>,
}

impl Comparison {
    fn add(&mut self, upper: &OwnedFd, found: &Found) -> Result<(), Errno> {
        let path = found.path.as_path();
        let before = self.lowers.look(path)?;
        let mut change = classify(&found.metadata, before.as_ref());
        if change.is_none() && before.is_some() && self.capability_differs(upper, path)? {
            change = Some(ChangeKind::Changed);
        }
        if let Some(kind) = change {
            self.seen.insert(path.into(), kind);
        }
        let is_directory = |file: &FileStat| beneath::kind(file) == SFlag::S_IFDIR;
        if is_directory(&found.metadata) && before.as_ref().is_some_and(is_directory) && self.hides(upper, path)? {
            // Nothing says which files are gone: all that were there, and are not any more.
            for name in self.lowers.names(path)? {
                let lost = path.join(name);
                if beneath::look(upper, &lost)?.is_none() {
                    self.seen.insert(lost, ChangeKind::Deleted);
                }
            }
        }
        Ok(())
    }

    /// Of all attributes this is the one that docker looks at: it makes a program one of root's.
    fn capability_differs(&self, upper: &OwnedFd, path: &Path) -> Result<bool, Errno> {
        Ok(xattr::of(upper, path, CAPABILITY)? != self.lowers.attribute(path, CAPABILITY)?)
    }

    /// Whether the directory `path`, or one that it is in, is opaque.
    fn hides(&mut self, upper: &OwnedFd, path: &Path) -> Result<bool, Errno> {
        if self.opaque.as_ref().is_some_and(|outer| path.starts_with(outer)) {
            return Ok(true);
        }
        let opaque = is_opaque(&beneath::open(upper, path, DIRECTORY)?, self.privilege)?;
        if opaque {
            self.opaque = Some(path.into());
        }
        Ok(opaque)
    }

    fn finish(mut self) -> Vec<Change> {
        let parents: Vec<PathBuf> =
            self.seen.keys().flat_map(|path| path.ancestors().skip(1)).map(Path::to_path_buf).collect();
        for parent in parents.into_iter().filter(|parent| !parent.as_os_str().is_empty()) {
            self.seen.entry(parent).or_insert(ChangeKind::Changed);
        }
        self.seen.into_iter().map(|(path, kind)| Change { kind, path: Path::new("/").join(path) }).collect()
    }
}

/// What the file `now` in the upper layer says, when the lower ones show `before` in its place.
// ANCHOR: classify
fn classify(now: &FileStat, before: Option<&FileStat>) -> Option<ChangeKind> {
    // ANCHOR: ex_classify
    let Some(before) = before else {
        // A whiteout of nothing: the file was made and removed again.
        return (!beneath::is_whiteout(now)).then_some(ChangeKind::Added);
    };
    if beneath::is_whiteout(now) {
        return Some(ChangeKind::Deleted);
    }
    // To be here is no change. A directory is here as soon as a file in it is, a file as soon as it is opened for writing.
    differs(now, before).then_some(ChangeKind::Changed)
    // ANCHOR_END: ex_classify
}
// ANCHOR_END: classify

/// Whether docker would call them different. A directory's time and size only say that something happens in it.
fn differs(now: &FileStat, before: &FileStat) -> bool {
    let identity = |file: &FileStat| (file.st_mode, file.st_uid, file.st_gid, file.st_rdev);
    let content = || now.st_size != before.st_size || !same_time(now, before);
    identity(now) != identity(before) || (beneath::kind(now) != SFlag::S_IFDIR && content())
}

/// Most archives have whole seconds: a time without a fraction is like all of its second.
fn same_time(now: &FileStat, before: &FileStat) -> bool {
    let fractions = (now.st_mtime_nsec, before.st_mtime_nsec);
    now.st_mtime == before.st_mtime && (fractions.0 == fractions.1 || fractions.0 == 0 || fractions.1 == 0)
}
