//! What the tests of this chapter share: mounts that go away, and trees written down as text.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod archive;

use std::fmt::Write as _;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use layers::{Overlay, Upper};
use nix::mount::{MntFlags, umount2};
use process::{Diagnose, Failure};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, move_mount};

/// A detached mount, attached for as long as this lives.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn new(tree: &OwnedFd, place: &Path) -> Self {
        fs::create_dir_all(place).expect("a place for a mount");
        move_mount(tree, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).expect("move_mount");
        Self(place.into())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// An overlay that is mounted on `merged`: what a container would see as its root.
pub(crate) struct Container {
    pub(crate) upper: PathBuf,
    pub(crate) merged: PathBuf,
    _mount: Mounted,
}

impl Container {
    /// On `lowers`, the top-most first, with everything of its own in `directory`.
    pub(crate) fn new(directory: &Path, lowers: &[PathBuf]) -> Self {
        fs::create_dir_all(directory).expect("a directory for the container");
        let upper = Upper::create(directory, lowers.first().map(PathBuf::as_path)).expect("Upper::create");
        let tree = Overlay::new(lowers.to_vec(), &upper).mount().expect("Overlay::mount");
        let merged = directory.join("merged");
        Self { upper: upper.upper.clone(), _mount: Mounted::new(&tree, &merged), merged }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.merged.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| error.to_string())
    }
}

/// Makes files: names that end in a slash are directories, the others get `content`.
pub(crate) fn plant(root: &Path, names: &[&str], content: &str) {
    for name in names {
        let path = root.join(name);
        if name.ends_with('/') {
            fs::create_dir_all(&path).expect("a directory");
        } else {
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(&path, content).expect("a file");
        }
    }
}

/// A tree as text, one line a file: kind, permissions, owner, name, what is in it, extended attributes. Sorted.
pub(crate) fn tree(root: &Path) -> String {
    let mut lines = Vec::new();
    walk(root, Path::new("."), &mut lines);
    lines.sort();
    lines.concat()
}

fn walk(root: &Path, name: &Path, lines: &mut Vec<String>) {
    let path = root.join(name);
    let metadata = fs::symlink_metadata(&path).expect("metadata");
    let kind = metadata.file_type();
    let mut line = format!("{} ", name.display());
    let describe = if kind.is_dir() {
        "directory".into()
    } else if kind.is_symlink() {
        format!("-> {}", fs::read_link(&path).expect("a link").display())
    } else if kind.is_fifo() {
        "fifo".into()
    } else if kind.is_socket() {
        "socket".into()
    } else if kind.is_char_device() || kind.is_block_device() {
        let device = metadata.rdev();
        let letter = if kind.is_char_device() { 'c' } else { 'b' };
        format!("{letter} {}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device))
    } else {
        let content = fs::read(&path).expect("content");
        let links = if metadata.nlink() > 1 { format!(", {} links", metadata.nlink()) } else { String::new() };
        if content.len() > 60 { format!("{} bytes{links}", content.len()) } else { format!("{:?}{links}", String::from_utf8_lossy(&content)) }
    };
    let _ = write!(line, "{describe} {:o} {}:{}", metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
    for (key, value) in xattrs(&path) {
        let _ = write!(line, " {key}={:?}", String::from_utf8_lossy(&value));
    }
    line.push('\n');
    lines.push(line);
    if kind.is_dir() {
        for entry in fs::read_dir(&path).expect("a directory") {
            walk(root, &name.join(entry.expect("an entry").file_name()), lines);
        }
    }
}

/// All extended attributes of a file, which may be a link.
pub(crate) fn xattrs(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = vec![0; 65536];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let mut all: Vec<_> = names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| (String::from_utf8_lossy(name).into_owned(), xattr(path, &String::from_utf8_lossy(name)).unwrap_or_default()))
        .collect();
    all.sort();
    all
}

pub(crate) fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 65536];
    let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

pub(crate) fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).expect("lsetxattr");
}

/// Whether this is a whiteout as the kernel makes them, seen in the upper directory and not through the overlay.
pub(crate) fn is_whiteout(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device() && metadata.rdev() == 0)
}

/// Whether overlayfs hides what is below this directory.
pub(crate) fn is_opaque(path: &Path) -> bool {
    xattr(path, "trusted.overlay.opaque").as_deref() == Some(b"y")
}

/// What a user would read, without the directory that differs each time.
pub(crate) fn message<E: Into<Failure> + Diagnose>(error: E, directory: &Path) -> String {
    let failure: Failure = error.into();
    let hint = failure.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{}{hint}", failure.message).replace(&directory.display().to_string(), "DIR")
}

/// The bytes of a name, for names that are no text.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
