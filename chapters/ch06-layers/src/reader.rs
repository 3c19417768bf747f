//! Reading an archive that is no layer: what is in it, one after the other, with the same care for what strangers write.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::entries::Entries;
use crate::error::LayerError;
use crate::header::Kind;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A file: its content can be read now.
    File,
    /// A directory.
    Directory,
    /// A link, and what it says.
    Symlink(PathBuf),
    /// Another name for a file of the archive.
    HardLink(PathBuf),
    /// A device or a pipe.
    Special,
}

/// An archive being read. Names are relative, and none leads out of it.
pub struct ArchiveReader<R>(Entries<R>);

impl<R: Read> ArchiveReader<R> {
    /// Begins to read an uncompressed archive.
    pub fn new(input: R) -> Self {
        Self(Entries::new(input))
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// [`LayerError`].
    #[expect(clippy::should_implement_trait, reason = "the content is read between two entries")]
    pub fn next(&mut self) -> Result<Option<(PathBuf, Part)>, LayerError> {
        let Some(entry) = self.0.next()? else { return Ok(None) };
        let part = match entry.kind {
            Kind::Regular => Part::File,
            Kind::Directory => Part::Directory,
            Kind::Symlink(target) => Part::Symlink(OsString::from_vec(target).into()),
            Kind::HardLink(target) => Part::HardLink(target),
            Kind::CharDevice(..) | Kind::BlockDevice(..) | Kind::Fifo => Part::Special,
        };
        Ok(Some((entry.path, part)))
    }

    /// Reads what follows the end: whoever writes into our pipe must not find it closed.
    ///
    /// # Errors
    /// [`LayerError::Read`].
    pub fn drain(&mut self) -> Result<(), LayerError> {
        self.0.drain()
    }
}

/// The content of the current entry.
impl<R: Read> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
