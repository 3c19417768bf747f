//! A root file system with everything in it that a layer can carry, and what can be said of one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

/// Two layers' worth: `one` is made of busybox, `two` changes something, and has `bulk` bytes that no compressor makes smaller.
pub(crate) fn make(directory: &Path, bulk: usize) {
    const SCRIPT: &str = r#"
        set -e
        mkdir -p one/bin one/etc one/dev one/var/lib two/etc two/opt
        cp "$(command -v busybox)" one/bin/busybox
        for applet in sh ls cat true id; do ln -s busybox "one/bin/$applet"; done
        ln one/bin/busybox one/bin/hard
        printf 'root:x:0:0::/:/bin/sh\n' >one/etc/passwd
        printf 'first\n' >one/etc/changed; printf 'gone\n' >one/etc/removed
        mknod one/dev/null c 1 3; mkfifo one/dev/fifo; chmod 0666 one/dev/null
        chmod 4755 one/bin/hard; mkdir -m 1777 one/tmp; chown 12:34 one/etc/passwd
        setfattr -n user.mark -v here one/etc/passwd 2>/dev/null || true
        printf 'second\n' >two/etc/changed; : >two/etc/.wh.removed
        i=0; while [ $i -lt 40 ]; do printf '%s\n' $i >two/opt/file$i; i=$((i+1)); done
        find one two -exec touch -h -d '2020-02-02 02:02:02.25 UTC' {} +
    "#;
    let made = Command::new("sh").args(["-c", SCRIPT]).current_dir(directory).output().expect("sh starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(directory.join("two/opt/bulk"), noise(bulk)).expect("a file");
}

/// Bytes without an order, the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}

/// Each file of a tree: kind, mode, owner, time, links, size and content, or target, or device; and its attributes.
pub(crate) fn describe(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let kind = metadata.file_type();
        let what = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).expect("a link").display())
        } else if kind.is_file() {
            format!("{} links, {}", metadata.nlink(), layers_digest(&path))
        } else if kind.is_char_device() || kind.is_block_device() {
            format!("device {}", metadata.rdev())
        } else {
            String::new()
        };
        let name = path.strip_prefix(root).expect("below").display().to_string();
        // Of a directory the time is that of its last change by overlay's whiteouts, too; of layers it is not compared.
        let time = if kind.is_dir() { 0 } else { metadata.mtime() };
        let line = format!("{:o} {}:{} {time} {what}", metadata.mode(), metadata.uid(), metadata.gid());
        found.insert(name, line);
        if kind.is_dir() {
            walk(root, &path, found);
        }
    }
}

fn layers_digest(path: &Path) -> String {
    images::Digest::of(&fs::read(path).expect("a file")).to_string()
}
