//! GNU tar as a second opinion, in both directions.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::archive::Archive;
use common::{listing, tree};
use layers::{UnpackLimits, apply_tar, create_tar};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use process::Failure;
use tar::EntryType;
use testkit::{Host, Need, kernel_test, require};

/// What it takes for GNU tar to keep everything. Its own format has no place for attributes.
const PAX: [&str; 3] = ["--format=pax", "--xattrs", "--xattrs-include=*"];
const GNU: [&str; 1] = ["--format=gnu"];

fn gnu_tar(format: &[&str], arguments: &[&str]) -> String {
    let always = ["--numeric-owner", "--preserve-permissions"];
    let done = Command::new("tar").args(always).args(format).args(arguments).env("TZ", "UTC").output().expect("tar");
    assert!(done.status.success(), "tar {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name that is text")
}

/// Files that need an extension, and files that nobody likes to pack.
fn odd_files(host: &Host) -> PathBuf {
    let root = tree(host.dir(), "tree", &[("bin/su", "program"), ("etc/motd", "hello"), ("empty/", "")]);
    let long = format!("{0}/{0}", "long".repeat(40));
    fs::create_dir_all(root.join(&long)).expect("directories");
    fs::write(root.join(&long).join("file"), "deep").expect("a file");
    symlink(format!("../{long}/file"), root.join("etc/link")).expect("a link");
    fs::hard_link(root.join("bin/su"), root.join("etc/su")).expect("a hard link");
    fs::write(root.join("bin/large owner"), "").expect("a file");
    chown(root.join("bin/large owner"), Some(3_000_000_000), Some(2_097_152)).expect("chown");
    lchown(root.join("etc/link"), Some(7), Some(8)).expect("chown");
    fs::set_permissions(root.join("bin/su"), Permissions::from_mode(0o4755)).expect("chmod");
    fs::set_permissions(root.join("empty"), Permissions::from_mode(0o1777)).expect("chmod");
    mknod(&root.join("etc/fifo"), SFlag::S_IFIFO, Mode::S_IRUSR, 0).expect("a FIFO");
    mknod(&root.join("etc/null"), SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3)).expect("a device");
    let touched =
        Command::new("find").arg(&root).args(["-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"]).status();
    assert!(touched.is_ok_and(|status| status.success()));
    rustix::fs::lsetxattr(root.join("etc/motd"), "user.note", b"line\nline", rustix::fs::XattrFlags::empty())
        .expect("an attribute");
    root
}

kernel_test! {
    fn gnu_tar_reads_what_we_write(host) {
        require(Need::Program("tar", "tar"));
        let root = odd_files(host);
        let archive = host.dir().join("layer.tar");
        create_tar(&root, fs::File::create(&archive).expect("a file")).expect("an archive");
        let list = gnu_tar(&PAX, &["--list", "--verbose", "--full-time", "--file", text(&archive)]);
        insta::assert_snapshot!("list", list.replace(&"long".repeat(40), "LONG"));
        let theirs = host.dir().join("theirs");
        fs::create_dir(&theirs).expect("a directory");
        gnu_tar(&PAX, &["--extract", "--directory", text(&theirs), "--file", text(&archive)]);
        assert_eq!(listing(&theirs), listing(&root));
        assert_eq!(common::attribute(&theirs.join("etc/motd"), c"user.note").as_deref(), Some(&b"line\nline"[..]));
    }

    fn we_read_what_gnu_tar_writes(host) {
        require(Need::Program("tar", "tar"));
        let root = odd_files(host);
        for format in [&PAX[..], &GNU] {
            let archive = host.dir().join("tar");
            gnu_tar(format, &["--create", "--directory", text(&root), "--file", text(&archive), "."]);
            let ours = host.dir().join("ours");
            fs::create_dir(&ours).expect("a directory");
            let file = fs::File::open(&archive).expect("the archive");
            apply_tar(file, &ours, &UnpackLimits::default()).unwrap_or_else(|error| panic!("{format:?}: {error}"));
            assert_eq!(listing(&ours), listing(&root), "{format:?}");
            fs::remove_dir_all(&ours).expect("an end of it");
        }
    }

    /// The content of a sparse file is not where a header says that it is. Many a reader went wrong there.
    fn sparse_archives_are_refused_by_name(host) {
        require(Need::Program("tar", "tar"));
        let root = host.dir().join("tree");
        fs::create_dir(&root).expect("a directory");
        fs::File::create(root.join("disk.img")).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
        let mut told = Vec::new();
        for format in [&PAX[..], &GNU] {
            let archive = host.dir().join("tar");
            gnu_tar(format, &["--create", "--sparse", "--directory", text(&root), "--file", text(&archive), "."]);
            let file = fs::File::open(&archive).expect("the archive");
            let failure = Failure::from(apply_tar(file, host.dir(), &UnpackLimits::default()).expect_err("sparse"));
            told.push(format!("{}\nhint: {}", failure.message, failure.hint.unwrap_or_default()));
        }
        insta::assert_snapshot!("sparse", told.join("\n"));
    }

    /// GNU tar takes fewer of them than docker; what it takes, means the same to us.
    fn unusual_archives_mean_to_us_what_they_mean_to_gnu_tar(host) {
        require(Need::Program("tar", "tar"));
        let hidden = Archive::new().file("owned", "dead").bytes();
        let length = hidden.len().to_string();
        let cases = [
            ("a name behind a link", Archive::new().directory("usr/bin/").symlink("bin", "usr/bin").file("bin/tool", "tool")),
            ("a hard link behind a link", Archive::new().directory("usr/").symlink("u", "usr").file("u/a", "a").hard_link("b", "u/a")),
            ("absolute names", Archive::new().file("/etc/motd", "hello").hard_link("/etc/issue", "/etc/motd")),
            ("a size on a hard link", Archive::new().file("a", "a").entry(EntryType::Link, "b", "a", b"", |header| header.set_size(9)).file("c", "c")),
            ("a size in an extension", Archive::new().pax(&[("size", length.as_bytes())])
                .entry(EntryType::Regular, "outer", "", &hidden, |header| header.set_size(0))),
            ("two extensions", Archive::new().pax(&[("path", b"first")]).pax(&[("mtime", b"1")]).file("plain", "")),
            ("a comment for all", Archive::new().entry(EntryType::XGlobalHeader, "g", "", b"13 comment=x\n", |_| {}).file("f", "f")),
            ("a large number", Archive::new().entry(EntryType::Regular, "f", "", b"f", |header| header.as_old_mut().uid = [0x80, 0, 0, 0, 0, 0x20, 0, 1])),
            ("a file of old", Archive::new().entry(EntryType::new(0), "f", "", b"f", |_| {}).entry(EntryType::new(0), "d/", "", b"", |_| {})),
        ];
        for (what, archive) in cases {
            let (ours, theirs) = (host.dir().join("ours"), host.dir().join("theirs"));
            archive.unpack(&ours).unwrap_or_else(|error| panic!("{what}: {error}"));
            fs::create_dir(&theirs).expect("a directory");
            let file = host.dir().join("tar");
            fs::write(&file, archive.bytes()).expect("the archive");
            gnu_tar(&[], &["--extract", "--directory", text(&theirs), "--file", text(&file)]);
            assert_eq!(listing(&ours), listing(&theirs), "{what}");
            fs::remove_dir_all(&ours).and_then(|()| fs::remove_dir_all(&theirs)).expect("an end of it");
        }
    }
}
