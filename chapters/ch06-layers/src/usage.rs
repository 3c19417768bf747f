//! How much is in a tree: the bytes of its files, as docker counts them. A file with several names counts once.

use std::collections::BTreeSet;
use std::path::Path;

use nix::sys::stat::SFlag;

use crate::beneath;
use crate::error::LayerError;
use crate::walk::Walk;

/// Bytes of all files in the tree at `root`, which may change meanwhile; no link is followed.
///
/// # Errors
/// [`LayerError::File`], [`LayerError::Disk`].
pub fn usage(root: &Path) -> Result<u64, LayerError> {
    let (mut bytes, mut seen, mut walk) = (0_u64, BTreeSet::new(), Walk::new(root)?);
    while let Some(file) = walk.next()? {
        let metadata = file.metadata;
        let counts = beneath::kind(&metadata) != SFlag::S_IFDIR;
        if counts && (metadata.st_nlink == 1 || seen.insert((metadata.st_dev, metadata.st_ino))) {
            bytes = bytes.saturating_add(u64::try_from(metadata.st_size).unwrap_or_default());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_counts_once_and_no_link_is_followed() {
        let here = tempfile::tempdir().expect("a directory");
        let path = |name: &str| here.path().join(name);
        fs::create_dir(path("d")).expect("a directory");
        fs::write(path("d/file"), [0; 1000]).expect("a file");
        fs::hard_link(path("d/file"), path("again")).expect("a second name");
        fs::write(path("other"), [0; 24]).expect("a file");
        symlink("/etc", path("link")).expect("a link");
        assert_eq!(usage(here.path()).expect("its size"), 1000 + 24 + "/etc".len() as u64);
    }
}
