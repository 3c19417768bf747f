//! One entry of an archive: its ustar header, and what the extensions before it override.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use tar::Header;

use crate::error::{LayerError, Refusal};
use crate::name;
use crate::pax;
use crate::xattr::Xattrs;

/// What the eleven octal digits of a ustar header can say. Only larger files need the size in an extension.
pub(crate) const LARGEST_OCTAL: u64 = 0o777_7777_7777;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Directory,
    /// The target, which nobody here follows.
    Symlink(Vec<u8>),
    /// The target, checked like a name.
    HardLink(PathBuf),
    /// Major and minor number.
    CharDevice(u32, u32),
    /// Major and minor number.
    BlockDevice(u32, u32),
    Fifo,
}

/// One entry.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Checked, relative; empty for the root of the layer.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// Permissions with setuid, setgid and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds and nanoseconds.
    pub(crate) mtime: (i64, i64),
    pub(crate) xattrs: Xattrs,
}

/// What extension headers say of the entry that follows them.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<(i64, i64)>,
    sparse: bool,
    xattrs: Xattrs,
}

impl Extension {
    /// Takes in the body of an extension header: `x` (PAX), or GNU's `L` (long name) and `K` (long link target).
    pub(crate) fn add(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        let text = body.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        match kind {
            b'L' => self.path = Some(text),
            b'K' => self.link = Some(text),
            _ => {
                for (key, value) in pax::records(body)? {
                    self.record(key, value)?;
                }
            }
        }
        Some(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(pax::number(value)?),
            b"uid" => self.uid = Some(pax::number(value)?),
            b"gid" => self.gid = Some(pax::number(value)?),
            b"mtime" => self.mtime = Some(pax::time(value)?),
            _ => {
                self.sparse |= key.starts_with(b"GNU.sparse.");
                if let Some(name) = key.strip_prefix(pax::XATTR) {
                    self.xattrs.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Some(())
    }
}

impl Entry {
    /// Puts header and extension together. `at` is where the header begins, for messages.
    pub(crate) fn new(header: &Header, extension: Extension, at: u64) -> Result<Self, LayerError> {
        let broken = |reason| move |_: io::Error| LayerError::Header { reason, offset: at };
        let raw = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let path = name::checked(&raw)?;
        let said = header.entry_size().map_err(broken("the size is no number"))?;
        let size = agreed(said, extension.size).map_err(|reason| LayerError::entry(&path, reason))?;
        let kind = kind(header, &raw, extension.link, at)?;
        if extension.sparse {
            return Err(LayerError::entry(path, Refusal::Sparse));
        }
        if let Some(what) = without_content(&kind).filter(|_| size > 0) {
            return Err(LayerError::entry(path, Refusal::Content(what, size)));
        }
        let owner = |number: u64| match u32::try_from(number) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(LayerError::entry(&path, Refusal::Owner(number))),
        };
        let or = |value: Option<u64>, field: io::Result<u64>| value.map_or(field, Ok);
        let uid = owner(or(extension.uid, header.uid()).map_err(broken("the owner is no number"))?)?;
        let gid = owner(or(extension.gid, header.gid()).map_err(broken("the group is no number"))?)?;
        let mode = header.mode().map_err(broken("the mode is no number"))? & 0o7777;
        let mtime = match extension.mtime {
            Some(mtime) => mtime,
            None => (header.mtime().map_err(broken("the time is no number"))?.cast_signed(), 0),
        };
        Ok(Self { path, kind, size, mode, uid, gid, mtime, xattrs: extension.xattrs })
    }
}

/// One size, from the header and its extension.
fn agreed(header: u64, extension: Option<u64>) -> Result<u64, Refusal> {
    match extension {
        None => Ok(header),
        Some(size) if size == header => Ok(size),
        // What no header can say, writers say with a zero there.
        Some(size) if header == 0 && size > LARGEST_OCTAL => Ok(size),
        Some(extension) => Err(Refusal::Size { header, extension }),
    }
}

fn kind(header: &Header, name: &[u8], long_link: Option<Vec<u8>>, at: u64) -> Result<Kind, LayerError> {
    let refuse = |reason| Err(LayerError::entry(OsStr::from_bytes(name), reason));
    let link = || long_link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default();
    let device = || {
        let number = |field: io::Result<Option<u32>>| {
            field
                .map(Option::unwrap_or_default)
                .map_err(|_| LayerError::Header { reason: "a device without a number", offset: at })
        };
        Ok((number(header.device_major())?, number(header.device_minor())?))
    };
    match header.entry_type().as_byte() {
        // Before 1988, a directory was a file whose name ends in a slash.
        0 | b'0' | b'7' if name.ends_with(b"/") => Ok(Kind::Directory),
        0 | b'0' | b'7' => Ok(Kind::Regular),
        b'5' => Ok(Kind::Directory),
        b'1' => {
            let target = link();
            if target.is_empty() {
                return refuse(Refusal::Target(PathBuf::new()));
            }
            name::checked(&target).map(Kind::HardLink)
        }
        b'2' => match link() {
            target if target.is_empty() || target.contains(&0) => refuse(Refusal::Name),
            target => Ok(Kind::Symlink(target)),
        },
        b'3' => device().map(|(major, minor)| Kind::CharDevice(major, minor)),
        b'4' => device().map(|(major, minor)| Kind::BlockDevice(major, minor)),
        b'6' => Ok(Kind::Fifo),
        b'S' => refuse(Refusal::Sparse),
        other => refuse(Refusal::Kind(char::from(other))),
    }
}

/// The name of a kind that has no content, whatever its header says.
fn without_content(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Regular => None,
        Kind::Directory => Some("directory"),
        Kind::Symlink(_) => Some("symbolic link"),
        Kind::HardLink(_) => Some("hard link"),
        Kind::CharDevice(..) | Kind::BlockDevice(..) => Some("device"),
        Kind::Fifo => Some("FIFO"),
    }
}
