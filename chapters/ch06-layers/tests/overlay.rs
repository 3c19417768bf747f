//! The overlay, as a container sees it, and what is left of it in the layers.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use common::{Container, Mounted, READ_OVERLAY, attribute, is_whiteout, listing, tree};
use layers::{Overlay, OverlayError, Upper};
use process::Failure;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use testkit::{Host, Need, judge, kernel_test, require};

fn image(host: &Host) -> PathBuf {
    tree(host.dir(), "image", &[("etc/motd", "hello"), ("etc/passwd", "root"), ("var/cache/old", "old"), ("tmp/", "")])
}

kernel_test! {
    /// Copy-up.
    fn a_write_copies_the_file_up_and_leaves_the_layer_alone(host) {
        require(Need::Overlay);
        let image = image(host);
        let before = listing(&image);
        let container = Container::new(&host.dir().join("one"), &[&image]);
        container.write("etc/motd", "changed");
        assert_eq!(container.read("etc/motd"), "changed");
        judge("the image's own files").expected(before).seen(listing(&image))
            .cause(|_| "the write went to the lower layer".into()).read(READ_OVERLAY);
        assert_eq!(listing(&container.upper.upper), "\
0755 0:0 / directory
0755 0:0 /etc directory
0644 0:0 /etc/motd \"changed\"");
    }

    fn deleting_leaves_a_whiteout(host) {
        require(Need::Overlay);
        let container = Container::new(&host.dir().join("one"), &[&image(host)]);
        fs::remove_file(container.path("etc/motd")).expect("remove");
        assert_eq!(container.read("etc/motd"), "(NotFound)");
        assert!(is_whiteout(&container.upper.upper.join("etc/motd")), "{}", listing(&container.upper.upper));
    }

    fn a_directory_made_anew_is_opaque(host) {
        require(Need::Overlay);
        let container = Container::new(&host.dir().join("one"), &[&image(host)]);
        fs::remove_dir_all(container.path("var/cache")).expect("remove");
        fs::create_dir(container.path("var/cache")).expect("create");
        assert_eq!(fs::read_dir(container.path("var/cache")).expect("a directory").count(), 0, "old files came back");
        let made = container.upper.upper.join("var/cache");
        assert_eq!(attribute(&made, c"trusted.overlay.opaque").as_deref(), Some(&b"y"[..]));
    }

    fn renames_and_links_work(host) {
        require(Need::Overlay);
        let container = Container::new(&host.dir().join("one"), &[&image(host)]);
        fs::rename(container.path("etc/motd"), container.path("etc/issue")).expect("rename a file");
        assert_eq!((container.read("etc/motd").as_str(), container.read("etc/issue").as_str()), ("(NotFound)", "hello"));
        fs::hard_link(container.path("etc/passwd"), container.path("etc/passwd-")).expect("link");
        let (one, two) = (fs::metadata(container.path("etc/passwd")), fs::metadata(container.path("etc/passwd-")));
        assert_eq!(one.expect("a file").ino(), two.expect("a file").ino());
        // Without `redirect_dir`, a layer's directory cannot be renamed; programs then copy, as between disks.
        let moved = fs::rename(container.path("var/cache"), container.path("var/lib")).map_err(|error| error.kind());
        assert_eq!(moved, Err(std::io::ErrorKind::CrossesDevices));
    }

    fn attributes_come_along_when_a_file_is_copied_up(host) {
        require(Need::Overlay);
        let image = image(host);
        let file = image.join("etc/motd");
        rustix::fs::lsetxattr(&file, c"user.origin", b"image", rustix::fs::XattrFlags::empty()).expect("an attribute");
        chown(&file, Some(7), Some(8)).expect("an owner");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4711)).expect("a mode");
        let container = Container::new(&host.dir().join("one"), &[&image]);
        symlink("motd", container.path("etc/link")).expect("a change next to it");
        chown(container.path("etc/motd"), Some(9), None).expect("a change of the file");
        let copy = container.upper.upper.join("etc/motd");
        assert_eq!(attribute(&copy, c"user.origin").as_deref(), Some(&b"image"[..]));
        let metadata = fs::metadata(copy).expect("the copy");
        // The setuid bit goes with a new owner, as on every file system.
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (9, 8, 0o711));
    }

    fn two_containers_share_layers_and_not_writes(host) {
        require(Need::Overlay);
        let image = image(host);
        let one = Container::new(&host.dir().join("one"), &[&image]);
        let two = Container::new(&host.dir().join("two"), &[&image]);
        one.write("etc/motd", "one");
        two.write("tmp/file", "two");
        assert_eq!((one.read("etc/motd").as_str(), two.read("etc/motd").as_str()), ("one", "hello"));
        assert_eq!((one.read("tmp/file").as_str(), two.read("tmp/file").as_str()), ("(NotFound)", "two"));
    }

    fn the_upper_layer_wins_over_the_lower_ones_in_order(host) {
        require(Need::Overlay);
        let names: Vec<PathBuf> = (0..128)
            .map(|n| tree(host.dir(), &format!("layer-{n:03}"), &[("number", &n.to_string()), (&format!("only-{n}"), "x")]))
            .collect();
        let topmost_first: Vec<&Path> = names.iter().rev().map(PathBuf::as_path).collect();
        let container = Container::new(&host.dir().join("one"), &topmost_first);
        assert_eq!(container.read("number"), "127");
        assert_eq!(fs::read_dir(&container.mounted.root).expect("the root").count(), 129);
    }

    fn names_that_overlayfs_would_misread_are_taken_as_they_are(host) {
        require(Need::Overlay);
        let long = format!("{}/{}", "d".repeat(200), "e".repeat(200));
        for (n, name) in ["with:colon", "with,comma", "with\\backslash", "with space", &long].into_iter().enumerate() {
            let image = tree(host.dir(), name, &[("name", name)]);
            let container = Container::new(&host.dir().join(format!("{n}:,\\container")), &[&image]);
            assert_eq!(container.read("name"), name);
        }
    }

    fn the_root_directory_is_like_the_images(host) {
        require(Need::Overlay);
        let image = image(host);
        chown(&image, Some(5), Some(6)).expect("an owner");
        fs::set_permissions(&image, fs::Permissions::from_mode(0o1711)).expect("a mode");
        let container = Container::new(&host.dir().join("one"), &[&image]);
        let root = fs::metadata(&container.mounted.root).expect("the root");
        assert_eq!((root.uid(), root.gid(), root.mode() & 0o7777), (5, 6, 0o1711));
    }

    fn a_volatile_overlay_can_be_mounted_again(host) {
        require(Need::Overlay);
        let image = image(host);
        for round in ["first", "second"] {
            let upper = Upper::create(host.dir(), Some(&image)).expect("the upper directory");
            let mount = Overlay::new(vec![image.clone()], &upper).volatile(true).mount().expect("the overlay");
            let mounted = Mounted::attach(&mount, &host.dir().join("merged"));
            fs::write(mounted.path(round), round).expect("write");
            assert!(mounted.path("first").exists());
        }
    }

    /// overlayfs leaves `work/work` with mode 000, and a container may nest directories deeper than descriptors reach.
    fn the_upper_directory_can_always_be_removed(host) {
        require(Need::Overlay);
        let container = Container::new(&host.dir().join("one"), &[&image(host)]);
        let mut directory = container.path("tmp");
        for _ in 0..30 {
            // More than 4096 bytes of path in the end: made from where we are.
            std::env::set_current_dir(&directory).expect("chdir");
            fs::create_dir_all("d/".repeat(100)).expect("deep directories");
            directory = PathBuf::from("d/".repeat(100));
        }
        fs::write("file", "at the bottom").expect("write");
        std::env::set_current_dir("/").expect("chdir");
        drop(container);
        Upper::remove(&host.dir().join("one")).expect("remove");
        let left: Vec<_> = fs::read_dir(host.dir().join("one")).expect("a directory").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["merged"]);
        Upper::remove(&host.dir().join("one")).expect("once more");
    }

    /// What `chattr +i` does in a container that has the right to.
    fn files_that_nobody_may_remove_are_removed(host) {
        require(Need::Overlay);
        let dir = host.dir().join("one");
        let upper = tree(&dir, "upper", &[("file", ""), ("a/b/file", ""), ("frozen/a/file", ""), ("log", "")]);
        fs::create_dir(dir.join("work")).expect("a directory");
        std::os::unix::fs::symlink("file", upper.join("a/b/link")).expect("a link");
        for (name, flag) in [
            ("file", IFlags::IMMUTABLE),
            ("a/b/file", IFlags::IMMUTABLE),
            ("a/b", IFlags::IMMUTABLE),
            ("frozen/a", IFlags::APPEND),
            ("frozen", IFlags::IMMUTABLE),
            ("log", IFlags::APPEND),
        ] {
            let file = fs::File::open(upper.join(name)).expect("a file");
            // A file system without such flags has no such files.
            let Ok(flags) = ioctl_getflags(&file) else { return };
            ioctl_setflags(&file, flags | flag).expect("a flag");
        }
        Upper::remove(&dir).expect("remove");
        assert_eq!(fs::read_dir(&dir).expect("a directory").count(), 0);
    }

    fn errors_say_what_and_what_to_do(host) {
        require(Need::Overlay);
        // Older kernels have no log to tell from.
        require(Need::Kernel(6, 5));
        let image = image(host);
        let failed = |lower: Vec<PathBuf>, dir: &Path| -> String {
            fs::create_dir_all(dir).expect("a directory");
            let upper = Upper::create(dir, None).expect("the upper directory");
            let error: OverlayError = Overlay::new(lower, &upper).mount().expect_err("no overlay");
            let failure = Failure::from(error);
            format!("{}\nhint: {}", failure.message, failure.hint.unwrap_or_default())
                .replace(&host.dir().display().to_string(), "/data")
        };
        let container = Container::new(&host.dir().join("one"), &[&image]);
        insta::assert_snapshot!("errors", [
            failed(vec![], &host.dir().join("none")),
            failed(vec![image.clone(); 501], &host.dir().join("many")),
            failed(vec![host.dir().join("missing")], &host.dir().join("gone")),
            failed(vec![image.clone()], &container.path("tmp/inside")),
        ].join("\n\n"));
    }
}
