//! One entry of an archive: its ustar header, and what the extensions before it override.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use tar::Header;

use crate::error::{LayerError, Refusal};
use crate::name;
use crate::number::number;
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

/// What extension headers say of the entry that follows them. Of several of a kind the last one counts, so that they
/// take no more memory than one, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    long_name: Vec<u8>,
    long_link: Vec<u8>,
    pax: Pax,
}

/// One PAX header.
#[derive(Debug, Default)]
struct Pax {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<i64>,
    uid: Option<i64>,
    gid: Option<i64>,
    mtime: Option<(i64, i64)>,
    sparse: bool,
    xattrs: Xattrs,
}

impl Extension {
    /// Takes in the body of an extension header: `x` (PAX), or GNU's `L` (long name) and `K` (long link target).
    pub(crate) fn add(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        let text = || body.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        match kind {
            b'L' => self.long_name = text(),
            b'K' => self.long_link = text(),
            _ => self.pax = Pax::read(body)?,
        }
        Some(())
    }
}

impl Pax {
    fn read(body: &[u8]) -> Option<Self> {
        let mut pax = Self::default();
        for record in pax::records(body) {
            let (key, value) = record?;
            pax.record(key, value)?;
        }
        Some(pax)
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            // Takes back what a global header has said, and we take nothing from those.
            b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"mtime" if value.is_empty() => {}
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
    /// Puts header and extension together, as Go's archive/tar does. `at` is where the header begins, for messages.
    pub(crate) fn new(header: &Header, extension: Extension, at: u64) -> Result<Self, LayerError> {
        let broken = |reason| move || LayerError::Header { reason, offset: at };
        let fields = header.as_old();
        let Extension { long_name, long_link, pax } = extension;
        let long = |gnu: Vec<u8>, pax: Option<Vec<u8>>| if gnu.is_empty() { pax } else { Some(gnu) };
        let raw = long(long_name, pax.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let path = name::checked(&raw)?;
        let kind = kind(header, &raw, long(long_link, pax.link), at)?;
        if pax.sparse {
            return Err(LayerError::entry(path, Refusal::Sparse));
        }
        // The extension wins: writers put anything into a field that is too small. And what has no content has none,
        // whatever its size says: on directories it once was a quota, on links it is the target's.
        let said = pax.size.or_else(|| number(&fields.size)).ok_or_else(broken("the size is no number"))?;
        let size = u64::try_from(said).map_err(|_| broken("the size is negative")())?;
        let size = if kind == Kind::Regular { size } else { 0 };
        let owner = |number: i64| match u32::try_from(number) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(LayerError::entry(&path, Refusal::Owner(number))),
        };
        let uid = owner(pax.uid.or_else(|| number(&fields.uid)).ok_or_else(broken("the owner is no number"))?)?;
        let gid = owner(pax.gid.or_else(|| number(&fields.gid)).ok_or_else(broken("the group is no number"))?)?;
        let mode = number(&fields.mode).ok_or_else(broken("the mode is no number"))? & 0o7777;
        let seconds = || number(&fields.mtime).ok_or_else(broken("the time is no number"));
        let mtime = if let Some(time) = pax.mtime { time } else { (seconds()?, 0) };
        let mode = u32::try_from(mode).unwrap_or_default();
        Ok(Self { path, kind, size, mode, uid, gid, mtime, xattrs: pax.xattrs })
    }
}

fn kind(header: &Header, name: &[u8], long_link: Option<Vec<u8>>, at: u64) -> Result<Kind, LayerError> {
    let refuse = |reason| Err(LayerError::entry(OsStr::from_bytes(name), reason));
    let link = || long_link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default();
    let device = || {
        // Both formats have these two fields in the same place; the oldest has none.
        let fields = header.as_ustar().map(|new| (new.dev_major, new.dev_minor));
        let (major, minor) = fields.or(header.as_gnu().map(|gnu| (gnu.dev_major, gnu.dev_minor))).unwrap_or_default();
        let number = |field: [u8; 8]| number(&field).and_then(|number| u32::try_from(number).ok());
        let broken = || LayerError::Header { reason: "a device without a number", offset: at };
        Ok((number(major).ok_or_else(broken)?, number(minor).ok_or_else(broken)?))
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
