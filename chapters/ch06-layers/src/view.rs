//! How an upper directory is looked at: with the owners that its container sees, and without what the engine has put there.

use std::fmt;
use std::path::Path;

use namespaces::IdRange;
use nix::sys::stat::FileStat;

/// Says of a file whether it is the engine's.
type Hides<'a> = &'a (dyn Fn(&Path, &FileStat) -> bool + Sync);

/// A way to look at files.
#[derive(Clone, Copy, Default)]
pub struct View<'a> {
    /// The ids of the container's user namespace.
    pub owners: Option<IdRange>,
    /// What is left out, if no lower layer has it: by path relative to the root.
    pub hidden: Option<Hides<'a>>,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("View").field("owners", &self.owners).finish_non_exhaustive()
    }
}

impl View<'_> {
    /// Whether the file is left out.
    pub(crate) fn hides(&self, path: &Path, metadata: &FileStat) -> bool {
        self.hidden.is_some_and(|hidden| hidden(path, metadata))
    }

    /// From the host's owners to those that the container sees.
    pub(crate) fn translate(&self, metadata: &mut FileStat) {
        let Some(range) = self.owners else { return };
        metadata.st_uid = inside(range, metadata.st_uid);
        metadata.st_gid = inside(range, metadata.st_gid);
    }
}

/// An id as the container sees it; one that it does not know stays what it is.
fn inside(range: IdRange, id: u32) -> u32 {
    match id.checked_sub(range.outside) {
        Some(offset) if offset < range.count => range.inside + offset,
        _ => id,
    }
}

/// An id as the host counts.
pub(crate) fn outside(range: IdRange, id: u32) -> Option<u32> {
    id.checked_sub(range.inside).filter(|offset| *offset < range.count).map(|offset| range.outside + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_translated_both_ways_and_strangers_are_left() {
        let range = IdRange { inside: 0, outside: 100_000, count: 65_536 };
        assert_eq!((inside(range, 100_000), inside(range, 165_535)), (0, 65_535));
        assert_eq!((inside(range, 0), inside(range, 165_536)), (0, 165_536));
        assert_eq!(
            (outside(range, 0), outside(range, 65_535), outside(range, 65_536)),
            (Some(100_000), Some(165_535), None)
        );
    }
}
