//! A layer on its way in. If it does not arrive, it is removed.

use std::io;
use std::path::Path;

use crate::digest::DiffId;
use crate::held::Held;

/// A layer that is unpacked, and that nobody can see yet.
#[derive(Debug)]
pub struct Staged {
    pub(crate) staging: Staging,
    /// Its name.
    pub diff_id: DiffId,
    /// Bytes of all regular files.
    pub size: u64,
    /// Entries of its archive.
    pub entries: u64,
}

/// The directory.
#[derive(Debug)]
pub(crate) struct Staging(Option<Held>);

impl Staging {
    pub(crate) fn new(directory: Held) -> Self {
        Self(Some(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("present until it is published").path()
    }

    pub(crate) fn publish(&mut self, target: &Path) -> io::Result<()> {
        self.0.as_mut().expect("present until it is published").rename(target)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is rubbish.
        let _ = self.0.take().map(Held::remove);
    }
}
