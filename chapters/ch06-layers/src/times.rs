//! The times of directories, remembered until the end of an archive: every file made in a directory changes its time.
//!
//! This is all that an archive makes us keep, so it is counted. A name of 4095 bytes, sixty times in a kilobyte of gzip,
//! would otherwise be the cheapest way to fill somebody's memory.

use std::collections::{BTreeMap, btree_map};
use std::path::PathBuf;

/// What a directory costs besides its name: three words for it, the time, and its part of the tree.
const OVERHEAD: u64 = 100;

/// Directories, and the seconds and nanoseconds that they get. One that comes again is remembered once.
#[derive(Debug, Default)]
pub(crate) struct Times {
    times: BTreeMap<PathBuf, (i64, i64)>,
    bytes: u64,
}

impl Times {
    pub(crate) fn keep(&mut self, path: PathBuf, time: (i64, i64)) {
        let length = path.as_os_str().len() as u64;
        if self.times.insert(path, time).is_none() {
            self.bytes += length + OVERHEAD;
        }
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl IntoIterator for Times {
    type Item = (PathBuf, (i64, i64));
    type IntoIter = btree_map::IntoIter<PathBuf, (i64, i64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.times.into_iter()
    }
}
