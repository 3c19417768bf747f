//! The names of a layer's entries, checked before anything is made of them; and the names that mean deletion.
//!
//! An archive cannot say "deleted" by leaving something out. AUFS said it with files called `.wh.NAME`, and
//! [OCI layers](https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts) say it so to this day.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use crate::error::{LayerError, Refusal};

const WHITEOUT: &[u8] = b".wh.";
/// AUFS' own notes, and one name that is still in use.
const META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What `openat2(2)` takes, less its zero byte.
pub(crate) const LONGEST: usize = 4095;

/// What an entry's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The file of that name.
    File,
    /// The file of that name in lower layers is deleted.
    Whiteout(PathBuf),
    /// The directory of that name begins anew: nothing of lower layers shows in it.
    Opaque(PathBuf),
    /// AUFS' notes to itself.
    Nothing,
}

/// A name as the archive has it, as docker reads it: relative to the root of the layer, also where it begins with a slash,
/// and without `.` and `..`. One that leads above the root is refused; an empty one is the root.
pub(crate) fn checked(name: &[u8]) -> Result<PathBuf, LayerError> {
    let path = Path::new(OsStr::from_bytes(name));
    let refuse = |reason| Err(LayerError::entry(path, reason));
    if name.contains(&0) {
        return refuse(Refusal::Name);
    }
    if name.len() > LONGEST {
        // The name itself would make a message that nobody can read.
        let short = Path::new(OsStr::from_bytes(&name[..80])).join("…");
        return Err(LayerError::entry(short, Refusal::LongName));
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir if clean.pop() => {}
            Component::ParentDir => return refuse(Refusal::Parent),
        }
    }
    Ok(clean)
}

/// What the checked name `path` says.
// ANCHOR: meaning
pub(crate) fn meaning(path: PathBuf) -> Result<Meaning, LayerError> {
    // ANCHOR: ex_meaning
    let parent = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let last = path.file_name().unwrap_or_default().as_bytes();
    if last == OPAQUE {
        return Ok(Meaning::Opaque(parent));
    }
    if path.components().any(|part| part.as_os_str().as_bytes().starts_with(META)) {
        return Ok(Meaning::Nothing);
    }
    match last.strip_prefix(WHITEOUT) {
        None => Ok(Meaning::File),
        // Joined to the parent, these would mean the parent, or its parent.
        Some(b"" | b"." | b"..") => Err(LayerError::entry(path, Refusal::Whiteout)),
        Some(hidden) => Ok(Meaning::Whiteout(parent.join(OsStr::from_bytes(hidden)))),
    }
    // ANCHOR_END: ex_meaning
}
// ANCHOR_END: meaning

/// The name that says in an archive that `path` is deleted.
pub(crate) fn whiteout_of(path: &Path) -> PathBuf {
    let mut name = WHITEOUT.to_vec();
    name.extend_from_slice(path.file_name().unwrap_or_default().as_bytes());
    path.with_file_name(OsString::from_vec(name))
}

/// The name that says in an archive that the directory `path` is opaque.
pub(crate) fn opaque_of(path: &Path) -> PathBuf {
    path.join(OsStr::from_bytes(OPAQUE))
}

/// Whether a file of this name cannot be put into an archive: it would come out as a deletion.
pub(crate) fn looks_like_whiteout(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(WHITEOUT))
}
