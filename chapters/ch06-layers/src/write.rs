//! Tar headers, written: ustar, and a PAX header before it for what ustar has no room for.

use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::stat::{FileStat, SFlag};
use tar::{EntryType, Header};

use crate::error::{LayerError, Refusal};
use crate::header::LARGEST_OCTAL;
use crate::pax;
use crate::xattr::Xattrs;

const BLOCK: usize = 512;
/// Of the name and of a link's target.
const NAME: usize = 100;
/// Seven octal digits.
const LARGEST_ID: u32 = 0o777_7777;

/// What all kinds of entries have.
pub(crate) struct Item<'a> {
    path: &'a Path,
    pub(crate) size: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: i64,
    xattrs: Xattrs,
}

impl<'a> Item<'a> {
    pub(crate) fn new(path: &'a Path, metadata: &FileStat, xattrs: Xattrs) -> Self {
        let (uid, gid, mtime) = (metadata.st_uid, metadata.st_gid, metadata.st_mtime);
        Self { path, size: 0, mode: metadata.st_mode & 0o7777, uid, gid, mtime, xattrs }
    }
}

/// An archive being written.
pub(crate) struct Archive<W> {
    out: W,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out }
    }

    pub(crate) fn file(&mut self, item: &Item, content: &mut impl Read, path: &Path) -> Result<(), LayerError> {
        self.header(item, EntryType::Regular, b"", (0, 0))?;
        let mut limited = content.take(item.size);
        io::copy(&mut limited, &mut self.out).map_err(LayerError::Write)?;
        if limited.limit() > 0 {
            return Err(LayerError::entry(path, Refusal::Changing));
        }
        self.pad(item.size)
    }

    pub(crate) fn directory(&mut self, item: &Item) -> Result<(), LayerError> {
        self.header(item, EntryType::Directory, b"", (0, 0))
    }

    pub(crate) fn symlink(&mut self, item: &Item, target: &[u8]) -> Result<(), LayerError> {
        self.header(item, EntryType::Symlink, target, (0, 0))
    }

    pub(crate) fn link(&mut self, item: &Item, target: &Path) -> Result<(), LayerError> {
        self.header(item, EntryType::Link, target.as_os_str().as_bytes(), (0, 0))
    }

    pub(crate) fn special(&mut self, item: &Item, kind: SFlag, number: (u32, u32)) -> Result<(), LayerError> {
        match kind {
            SFlag::S_IFCHR => self.header(item, EntryType::Char, b"", number),
            SFlag::S_IFBLK => self.header(item, EntryType::Block, b"", number),
            _ => self.header(item, EntryType::Fifo, b"", (0, 0)),
        }
    }

    /// An empty file whose name is the message.
    pub(crate) fn marker(&mut self, path: &Path) -> Result<(), LayerError> {
        let item = Item { path, size: 0, mode: 0o600, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() };
        self.header(&item, EntryType::Regular, b"", (0, 0))
    }

    /// Two blocks of zeros.
    pub(crate) fn finish(mut self) -> Result<(), LayerError> {
        self.out.write_all(&[0; 2 * BLOCK]).map_err(LayerError::Write)
    }

    fn header(&mut self, item: &Item, kind: EntryType, link: &[u8], device: (u32, u32)) -> Result<(), LayerError> {
        let name = entry_name(item.path, kind);
        let records = records(item, &name, link);
        if !records.is_empty() {
            let mut header = Header::new_ustar();
            set(&mut header, EntryType::XHeader, b"PaxHeader", b"");
            header.set_mode(0o644);
            header.set_size(records.len() as u64);
            header.set_cksum();
            self.out
                .write_all(header.as_bytes())
                .and_then(|()| self.out.write_all(&records))
                .map_err(LayerError::Write)?;
            self.pad(records.len() as u64)?;
        }
        let mut header = Header::new_ustar();
        set(&mut header, kind, &name, link);
        header.set_mode(item.mode);
        header.set_size(if item.size > LARGEST_OCTAL { 0 } else { item.size });
        header.set_uid(u64::from(if item.uid > LARGEST_ID { 0 } else { item.uid }));
        header.set_gid(u64::from(if item.gid > LARGEST_ID { 0 } else { item.gid }));
        header.set_mtime(octal_time(item.mtime).unwrap_or_default());
        if let Some(ustar) = header.as_ustar_mut()
            && matches!(kind, EntryType::Char | EntryType::Block)
        {
            ustar.set_device_major(device.0);
            ustar.set_device_minor(device.1);
        }
        header.set_cksum();
        self.out.write_all(header.as_bytes()).map_err(LayerError::Write)
    }

    fn pad(&mut self, size: u64) -> Result<(), LayerError> {
        let padding = usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or_default();
        self.out.write_all(&[0; BLOCK][..padding]).map_err(LayerError::Write)
    }
}

/// Directories end in a slash; the root is `./`.
fn entry_name(path: &Path, kind: EntryType) -> Vec<u8> {
    let mut name = if path.as_os_str().is_empty() { b".".to_vec() } else { path.as_os_str().as_bytes().to_vec() };
    if kind == EntryType::Directory && !name.ends_with(b"/") {
        name.push(b'/');
    }
    name
}

fn set(header: &mut Header, kind: EntryType, name: &[u8], link: &[u8]) {
    header.set_entry_type(kind);
    let fields = header.as_old_mut();
    let (name, link) = (&name[..name.len().min(NAME)], &link[..link.len().min(NAME)]);
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..link.len()].copy_from_slice(link);
}

/// What does not fit the header, in the order of the keys.
fn records(item: &Item, name: &[u8], link: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    for (key, value) in &item.xattrs {
        pax::push(&mut records, &[pax::XATTR, key].concat(), value);
    }
    let mut number = |key: &[u8], value: i128| pax::push(&mut records, key, value.to_string().as_bytes());
    if item.gid > LARGEST_ID {
        number(b"gid", item.gid.into());
    }
    if octal_time(item.mtime).is_none() {
        number(b"mtime", item.mtime.into());
    }
    if item.size > LARGEST_OCTAL {
        number(b"size", item.size.into());
    }
    if item.uid > LARGEST_ID {
        number(b"uid", item.uid.into());
    }
    if link.len() > NAME {
        pax::push(&mut records, b"linkpath", link);
    }
    if name.len() > NAME {
        pax::push(&mut records, b"path", name);
    }
    records
}

fn octal_time(seconds: i64) -> Option<u64> {
    u64::try_from(seconds).ok().filter(|&seconds| seconds <= LARGEST_OCTAL)
}
