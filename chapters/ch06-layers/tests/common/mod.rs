//! Trees, archives and overlays to judge layers by. Archives are written byte by byte: no honest writer makes some of them.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod archive;

use std::ffi::CStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use layers::{DataRoot, LayerStore, Overlay, Upper};
use nix::mount::{MntFlags, umount2};
use rustix::mount::{MoveMountFlags, move_mount};
use testkit::Host;

pub(crate) const READ_OVERLAY: &str = "ch06-layers, \"One tree out of many\"";
pub(crate) const READ_WHITEOUT: &str = "ch06-layers, \"How a layer says that a file is gone\"";
pub(crate) const READ_UNPACK: &str = "ch06-layers, \"Unpacking what a stranger packed\"";
pub(crate) const READ_LINKS: &str = "ch06-layers, \"A second name\"";
pub(crate) const READ_CHANGES: &str = "ch06-layers, \"What has changed\"";

/// The data root of a test.
pub(crate) fn data_root(host: &Host) -> DataRoot {
    DataRoot::open(&host.dir().join("data")).expect("a data root")
}

/// Its layers.
pub(crate) fn store(host: &Host) -> LayerStore {
    LayerStore::open(&data_root(host)).expect("a store")
}

/// How many directories are on their way in or out there.
pub(crate) fn on_their_way(host: &Host) -> usize {
    fs::read_dir(host.dir().join("data/tmp")).expect("the directory").count()
}

/// An overlay that is attached, until it is dropped.
pub(crate) struct Mounted {
    pub(crate) root: PathBuf,
}

impl Mounted {
    /// Attaches a detached mount at `root`, which is made.
    pub(crate) fn attach(mount: &OwnedFd, root: &Path) -> Self {
        fs::create_dir_all(root).expect("a place for the mount");
        move_mount(mount, "", rustix::fs::CWD, root, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).expect("attach");
        Self { root: root.into() }
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        umount2(&self.root, MntFlags::MNT_DETACH).expect("unmount");
    }
}

/// A container's file system: `lower` (topmost first) below an upper layer in `dir`, attached at `dir/merged`.
pub(crate) struct Container {
    pub(crate) upper: Upper,
    pub(crate) mounted: Mounted,
}

impl Container {
    pub(crate) fn new(dir: &Path, lower: &[&Path]) -> Self {
        fs::create_dir_all(dir).expect("a directory for the container");
        let upper = Upper::create(dir, lower.first().copied()).expect("the upper directory");
        let lower = lower.iter().map(|path| path.to_path_buf()).collect();
        let mount = Overlay::new(lower, &upper).mount().expect("the overlay");
        Self { upper, mounted: Mounted::attach(&mount, &dir.join("merged")) }
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.mounted.path(inside)
    }

    pub(crate) fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| format!("({:?})", error.kind()))
    }

    pub(crate) fn write(&self, inside: &str, text: &str) {
        fs::write(self.path(inside), text).expect("write");
    }
}

/// A directory `name` in `dir` with these files: `("etc/motd", "hello")`; a name that ends in a slash is a directory.
pub(crate) fn tree(dir: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = dir.join(name);
    fs::create_dir_all(&root).expect("a directory");
    for (file, text) in files {
        let path = root.join(file);
        if file.ends_with('/') {
            fs::create_dir_all(path).expect("a directory");
        } else {
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
    }
    root
}

/// The files below `root`, one a line, as `ls` and `stat` would show them; without times.
pub(crate) fn listing(root: &Path) -> String {
    let mut lines = Vec::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).expect("a file");
        let inside = path.strip_prefix(root).expect("a file inside");
        let kind = metadata.file_type();
        let what = if kind.is_dir() {
            let mut names: Vec<PathBuf> =
                fs::read_dir(&path).expect("a directory").flatten().map(|e| e.path()).collect();
            names.sort();
            waiting.extend(names.into_iter().rev());
            if attribute(&path, c"trusted.overlay.opaque").as_deref() == Some(b"y") {
                "directory, opaque".into()
            } else {
                "directory".into()
            }
        } else if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).expect("a link").display())
        } else if kind.is_fifo() {
            "fifo".into()
        } else if kind.is_char_device() || kind.is_block_device() {
            device(&metadata)
        } else if kind.is_socket() {
            "socket".into()
        } else {
            format!("{:?}", String::from_utf8_lossy(&fs::read(&path).expect("a file")))
        };
        if what == "whiteout" {
            // Nobody ever sees its mode.
            lines.push(format!("/{} whiteout", inside.display()));
            continue;
        }
        let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
        lines.push(format!("{mode:04o} {uid}:{gid} /{} {what}", inside.display()));
    }
    lines.join("\n")
}

fn device(metadata: &fs::Metadata) -> String {
    let kind = if metadata.file_type().is_block_device() { "block" } else { "character" };
    let (major, minor) = (nix::sys::stat::major(metadata.rdev()), nix::sys::stat::minor(metadata.rdev()));
    if (kind, major, minor) == ("character", 0, 0) {
        "whiteout".into()
    } else {
        format!("{kind} device {major}:{minor}")
    }
}

/// The value of an extended attribute, of a link too.
pub(crate) fn attribute(path: &Path, name: &CStr) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

/// Whether overlayfs' sign for "deleted" is at `path`.
pub(crate) fn is_whiteout(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_char_device() && file.rdev() == 0)
}
