//! What root has made in a user's workspace is given to the user: one `sudo` must not lock anybody out of a directory.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use crate::machine::is_root;
use crate::workspace::Workspace;

/// Gives everything of root's in the workspace that we are in to its owner.
pub(crate) fn give_back() {
    if !is_root() {
        return;
    }
    let Ok(workspace) = Workspace::find() else { return };
    let Ok(owner) = fs::symlink_metadata(workspace.root()) else { return };
    if owner.uid() != 0 {
        give(workspace.root(), owner.uid(), owner.gid());
    }
}

fn give(path: &Path, user: u32, group: u32) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.uid() == 0 {
        // A file that has gone meanwhile needs no owner.
        let _ = lchown(path, Some(user), Some(group));
    }
    if found.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            give(&entry.path(), user, group);
        }
    }
}
