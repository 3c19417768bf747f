//! An archive in the one format that a kernel unpacks at boot: cpio, "newc" (`Documentation/driver-api/early-userspace`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// An archive in the making.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    inode: u32,
    made: BTreeSet<PathBuf>,
}

impl Archive {
    /// A file, with the directories above it.
    pub(crate) fn file(&mut self, path: &Path, mode: u32, content: &[u8]) {
        if self.made.insert(path.into()) {
            self.parents(path);
            self.entry(path, FILE | mode, content);
        }
    }

    /// A symbolic link.
    pub(crate) fn link(&mut self, path: &Path, target: &str) {
        if self.made.insert(path.into()) {
            self.parents(path);
            self.entry(path, LINK | 0o777, target.as_bytes());
        }
    }

    /// A directory.
    pub(crate) fn directory(&mut self, path: &Path) {
        if path.parent().is_some() && self.made.insert(path.into()) {
            self.parents(path);
            self.entry(path, DIRECTORY | 0o755, &[]);
        }
    }

    fn parents(&mut self, path: &Path) {
        if let Some(parent) = path.parent() {
            self.directory(parent);
        }
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry(Path::new("TRAILER!!!"), 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) {
        self.inode += 1;
        let name = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
        // inode, mode, uid, gid, links, mtime, size, device (4), name length, checksum
        let fields = [self.inode, mode, 0, 0, 1, 0, length(content.len()), 0, 0, 0, 0, length(name.len() + 1), 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_before_what_is_in_them_and_once() {
        let mut archive = Archive::default();
        archive.file(Path::new("/a/b/c"), 0o644, b"text");
        archive.file(Path::new("/a/b/d"), 0o644, b"");
        let text = String::from_utf8(archive.finish()).expect("only text was put in");
        let names: Vec<&str> =
            text.split("070701").skip(1).map(|entry| entry[104..].split('\0').next().unwrap_or("")).collect();
        assert_eq!(names, ["a", "a/b", "a/b/c", "a/b/d", "TRAILER!!!"]);
    }
}
