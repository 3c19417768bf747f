//! What a container wrote becomes an archive, and the archive the same layer again.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use common::archive::Archive;
use common::{Container, READ_WHITEOUT, listing, tree};
use layers::{DiffId, UnpackLimits, apply_tar, create_tar};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use testkit::{Host, Need, judge, kernel_test, require};

fn packed(tree: &Path) -> (DiffId, Vec<u8>) {
    let mut archive = Vec::new();
    let digest = create_tar(tree, &mut archive).expect("an archive");
    (digest, archive)
}

/// What another reader of tar archives sees: kind, name, target.
fn names(archive: &[u8]) -> String {
    let mut reader = tar::Archive::new(archive);
    let entries = reader.entries().expect("an archive").map(|entry| {
        let entry = entry.expect("an entry");
        let kind = char::from(entry.header().entry_type().as_byte());
        let target = entry.link_name().expect("a target").map(|target| format!(" -> {}", target.display()));
        format!("{kind} {}{}", entry.path().expect("a name").display(), target.unwrap_or_default())
    });
    entries.collect::<Vec<_>>().join("\n")
}

fn unpacked(archive: &[u8], layer: &Path) -> DiffId {
    fs::create_dir(layer).expect("a directory");
    apply_tar(archive, layer, &UnpackLimits::default()).expect("a layer").diff_id
}

/// One of everything.
fn everything(host: &Host) -> std::path::PathBuf {
    let tree = tree(host.dir(), "tree", &[("b/file", "content"), ("b-/", ""), ("a", ""), ("empty/", "")]);
    let long = format!("{0}/{0}", "long".repeat(40));
    fs::create_dir_all(tree.join(&long)).expect("directories");
    symlink(format!("/{long}"), tree.join("link")).expect("a link");
    fs::hard_link(tree.join("b/file"), tree.join("z")).expect("a hard link");
    let node = |name: &str, kind, major, minor| {
        mknod(&tree.join(name), kind, Mode::S_IRUSR, makedev(major, minor)).expect("a device");
    };
    node("fifo", SFlag::S_IFIFO, 0, 0);
    node("null", SFlag::S_IFCHR, 1, 3);
    node("disk", SFlag::S_IFBLK, 254, 65_537);
    node("deleted", SFlag::S_IFCHR, 0, 0);
    drop(UnixListener::bind(tree.join("socket")).expect("a socket"));
    let set = |name: &str, key: &str, value: &[u8]| {
        rustix::fs::lsetxattr(tree.join(name), key, value, rustix::fs::XattrFlags::empty()).expect("an attribute");
    };
    set("a", "user.note", b"line\nline=\0");
    set("a", "security.capability", &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    set("link", "trusted.of-the-link", b"yes");
    set("empty", "trusted.overlay.opaque", b"y");
    set("empty", "trusted.overlay.origin", b"somewhere");
    chown(tree.join("b/file"), Some(3_000_000), Some(u32::MAX - 1)).expect("an owner");
    fs::set_permissions(tree.join("b/file"), fs::Permissions::from_mode(0o6751)).expect("a mode");
    tree
}

kernel_test! {
    fn the_same_files_give_the_same_bytes(host) {
        let tree = everything(host);
        let (digest, archive) = packed(&tree);
        assert_eq!(packed(&tree).1, archive);
        insta::assert_snapshot!("names", names(&archive));
        let layer = host.dir().join("layer");
        assert_eq!(unpacked(&archive, &layer), digest);
        fs::remove_file(tree.join("socket")).expect("the socket");
        assert_eq!(listing(&layer), listing(&tree));
        let (again, bytes) = packed(&layer);
        assert_eq!((again, bytes == archive), (digest, true), "the layer's own archive is another");
        assert_eq!(fs::metadata(layer.join("z")).expect("a file").nlink(), 2);
    }

    fn whole_seconds_are_kept_also_before_1970_and_after_2242(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .pax(&[("mtime", b"-5")]).file("old", "")
            .pax(&[("mtime", b"9000000000.5")]).file("new", "")
            .unpack(&layer)
            .expect("a layer");
        let again = host.dir().join("again");
        unpacked(&packed(&layer).1, &again);
        let time = |name: &str| fs::metadata(again.join(name)).expect("a file").mtime();
        assert_eq!((time("old"), time("new")), (-5, 9_000_000_000));
    }

    /// The whole way: a container's deletions, as an archive, on top of the same image elsewhere.
    fn what_a_container_did_can_be_done_again(host) {
        require(Need::Overlay);
        let image = tree(host.dir(), "image", &[("etc/motd", "hello"), ("var/cache/old", "old"), ("opt/a/b", "b"), ("bin", "")]);
        let container = Container::new(&host.dir().join("one"), &[&image]);
        container.write("etc/issue", "new");
        fs::remove_file(container.path("etc/motd")).expect("remove");
        fs::remove_dir_all(container.path("var/cache")).expect("remove");
        fs::create_dir(container.path("var/cache")).expect("create");
        fs::remove_dir_all(container.path("opt/a")).expect("remove");
        fs::remove_file(container.path("bin")).expect("remove");
        fs::create_dir(container.path("bin")).expect("create");
        let (_, archive) = packed(&container.upper.upper);
        let said = names(&archive);
        for marker in ["0 etc/.wh.motd", "0 var/cache/.wh..wh..opq", "0 opt/.wh.a"] {
            judge(&format!("the archive's entry {marker}"))
                .expected(true)
                .seen(said.lines().any(|line| line == marker))
                .cause(|_| "overlayfs' sign was not turned into a name".into())
                .read(READ_WHITEOUT);
        }
        let layer = host.dir().join("layer");
        unpacked(&archive, &layer);
        let twin = Container::new(&host.dir().join("two"), &[&layer, &image]);
        assert_eq!(listing(&twin.mounted.root), listing(&container.mounted.root));
    }

    fn a_name_that_would_mean_a_deletion_is_an_error(host) {
        let tree = tree(host.dir(), "tree", &[("etc/.wh.passwd", "")]);
        let error = create_tar(&tree, std::io::sink()).expect_err("no archive");
        insta::assert_snapshot!(error, @r#"entry "etc/.wh.passwd" of the layer: its name would mean a deletion in an archive"#);
    }

    fn a_full_disk_is_an_error_of_the_writer(host) {
        let tree = tree(host.dir(), "tree", &[("a", "a")]);
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let failure = process::Failure::from(create_tar(&tree, full).expect_err("no archive"));
        assert_eq!(failure.message, "write the layer: No space left on device (os error 28)");
        assert_eq!(failure.hint.as_deref(), Some("free some space, or keep the data root on another disk"));
    }
}
