//! A directory for what is needed for a moment: gone with whoever made it, and rubbish if he is killed.

use std::path::Path;

use layers::{DataRoot, DiskError, Held};

/// The directory.
#[derive(Debug)]
pub(crate) struct Scratch(Option<Held>);

impl Scratch {
    pub(crate) fn new(root: &DataRoot) -> Result<Self, DiskError> {
        Ok(Self(Some(root.staging()?)))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("present until it is dropped").path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is rubbish.
        let _ = self.0.take().map(Held::remove);
    }
}
