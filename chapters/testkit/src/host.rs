//! The throw-away host, as a test's body sees it.

use std::path::{Path, PathBuf};

use crate::{cgroup, fixture};

/// A machine for one test: root, PID 1, its own host name ("workbench"), an empty directory.
#[derive(Debug)]
pub struct Host {
    directory: PathBuf,
}

impl Host {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// An empty directory on a disk (or whatever `TMPDIR` is), gone after the test.
    pub fn dir(&self) -> &Path {
        &self.directory
    }

    /// The name below which a test makes its control groups, in every hierarchy: what is left there is a leak.
    pub fn cgroup_name(&self) -> String {
        cgroup::name_for(&self.directory)
    }

    /// A new root file system with busybox in it, every applet a link in `/bin`, and `/etc/passwd`.
    ///
    /// # Panics
    /// Without busybox: `require(Need::Busybox)` first.
    pub fn rootfs(&self) -> PathBuf {
        self.rootfs_named("rootfs")
    }

    /// The same under another name, for tests that want several.
    ///
    /// # Panics
    /// As [`Host::rootfs`].
    pub fn rootfs_named(&self, name: &str) -> PathBuf {
        let root = self.directory.join(name);
        fixture::make_rootfs(&root);
        root
    }

    /// The host's static busybox.
    ///
    /// # Panics
    /// Without busybox: `require(Need::Busybox)` first.
    pub fn busybox(&self) -> &'static Path {
        fixture::busybox().expect("a static busybox (package busybox-static)")
    }
}
