//! What an honest archive becomes.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;

use common::archive::Archive;
use common::{Container, READ_UNPACK, READ_WHITEOUT, attribute, is_whiteout, listing, tree};
use layers::{UnpackLimits, apply_tar};
use tar::EntryType;
use testkit::{Need, judge, kernel_test, require};

kernel_test! {
    fn every_kind_of_file_comes_out_as_it_went_in(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .entry(EntryType::Directory, "./", "", b"", |header| header.set_mode(0o1755))
            .directory("./etc/")
            .file("./etc/motd", "hello")
            .entry(EntryType::Regular, "bin/su", "", b"elf", |header| {
                header.set_mode(0o4755);
                header.set_uid(1);
                header.set_gid(70_000);
            })
            .hard_link("bin/sg", "bin/su")
            .symlink("etc/link", "/nowhere/../at all")
            .hard_link("etc/link2", "etc/link")
            .fifo("run/fifo")
            .device("dev/null", EntryType::Char, 1, 3)
            .device("dev/vda", EntryType::Block, 254, 0)
            .unpack(&layer)
            .expect("a layer");
        insta::assert_snapshot!("every_kind", listing(&layer));
        assert_eq!(fs::metadata(layer.join("bin/sg")).expect("a file").nlink(), 2);
    }

    /// Every file made in a directory changes the directory's time.
    fn times_are_kept_also_those_of_directories(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .directory("a/")
            .directory("a/b/")
            .file("a/b/c", "c")
            .symlink("a/link", "b")
            .pax(&[("mtime", b"1234567890.987654321")]).file("a/fine", "")
            .pax(&[("mtime", b"-1.25")]).file("a/old", "")
            .unpack(&layer)
            .expect("a layer");
        let time = |name: &str| {
            let file = fs::symlink_metadata(layer.join(name)).expect("a file");
            (file.mtime(), file.mtime_nsec())
        };
        for name in ["a", "a/b", "a/b/c", "a/link"] {
            assert_eq!(time(name), (1_000_000_000, 0), "{name}");
        }
        assert_eq!(time("a/fine"), (1_234_567_890, 987_654_321));
        assert_eq!(time("a/old"), (-2, 750_000_000));
    }

    fn attributes_are_kept_but_not_those_of_overlayfs(host) {
        let layer = host.dir().join("layer");
        let capability: &[u8] = &[1, 0, 0, 2, b'\n', b'=', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Archive::new()
            .pax(&[("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.note", b"x=\ny")])
            .file("ping", "")
            .pax(&[("SCHILY.xattr.trusted.overlay.redirect", b"/etc"), ("SCHILY.xattr.trusted.overlay.opaque", b"y")])
            .directory("d/")
            .unpack(&layer)
            .expect("a layer");
        assert_eq!(attribute(&layer.join("ping"), c"security.capability").as_deref(), Some(capability));
        assert_eq!(attribute(&layer.join("ping"), c"user.note").as_deref(), Some(&b"x=\ny"[..]));
        assert_eq!(attribute(&layer.join("d"), c"trusted.overlay.redirect"), None);
        assert_eq!(attribute(&layer.join("d"), c"trusted.overlay.opaque"), None);
    }

    fn long_names_come_from_extensions(host) {
        let layer = host.dir().join("layer");
        let long = format!("{0}/{0}/{0}", "n".repeat(100));
        let target = "t".repeat(300);
        Archive::new()
            .pax(&[("path", long.as_bytes())]).file("short", "by PAX")
            .entry(EntryType::GNULongName, "././@LongLink", "", format!("{long}2\0").as_bytes(), |_| {}).file("short", "by GNU")
            .entry(EntryType::GNULongLink, "././@LongLink", "", format!("{target}\0").as_bytes(), |_| {}).symlink("link", "cut")
            .unpack(&layer)
            .expect("a layer");
        assert_eq!(fs::read_to_string(layer.join(&long)).expect("a file"), "by PAX");
        assert_eq!(fs::read_to_string(layer.join(format!("{long}2"))).expect("a file"), "by GNU");
        assert_eq!(fs::read_link(layer.join("link")).expect("a link").as_os_str(), target.as_str());
    }

    fn later_entries_replace_earlier_ones(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .directory("a/").file("a/inside", "1").symlink("a", "elsewhere")
            .file("b", "1").directory("b/").file("b/inside", "2")
            .directory("c/").file("c/kept", "3").directory("c/")
            .file("d", "1").file("d", "2")
            .unpack(&layer)
            .expect("a layer");
        insta::assert_snapshot!("replaced", listing(&layer));
    }

    /// The judge of the exercise `whiteouts`.
    fn whiteouts_become_what_overlayfs_understands(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .directory("etc/")
            .file("etc/.wh.motd", "")
            .file(".wh.top", "")
            .directory("var/")
            .file("var/.wh..wh..opq", "")
            .file("var/new", "new")
            .file("etc/wh.plain", "")
            .unpack(&layer)
            .expect("a layer");
        let left: Vec<String> =
            listing(&layer).lines().filter(|line| line.contains(".wh.")).map(ToString::to_string).collect();
        judge("files of the layer whose names only mean something in an archive")
            .expected(Vec::<String>::new())
            .seen(left)
            .cause(|left| match left.as_slice() {
                [one] if one.contains(".wh..opq") => "the opaque marker was taken for a whiteout of a file called .wh..opq: \
                         it must be looked for first".into(),
                _ => "names with .wh. in front were unpacked as files: the container would see them, and the files that \
                      they delete".into(),
            })
            .read(READ_WHITEOUT);
        for (gone, elsewhere) in [("etc/motd", "motd"), ("top", "etc/top")] {
            judge(&format!("a whiteout at {gone}"))
                .expected(true)
                .seen(is_whiteout(&layer.join(gone)))
                .cause(|_| if is_whiteout(&layer.join(elsewhere)) {
                    format!("the name behind .wh. belongs in its own directory, and the whiteout is at {elsewhere}")
                } else {
                    "unknown".into()
                })
                .read(READ_WHITEOUT);
        }
        judge("the opaque mark of /var")
            .expected(Some(b"y".to_vec()))
            .seen(attribute(&layer.join("var"), c"trusted.overlay.opaque"))
            .cause(|seen| match seen {
                None => ".wh..wh..opq makes the directory that it is in opaque: nobody has marked it".into(),
                Some(_) => "unknown".into(),
            })
            .read(READ_WHITEOUT);
        assert!(layer.join("etc/wh.plain").exists());
    }

    /// A judge of the exercise `whiteouts`. Old archives have them, and nobody but AUFS knows what to do with them.
    fn what_aufs_noted_for_itself_is_left_out(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .directory(".wh..wh.plnk/").file(".wh..wh.plnk/1.2", "").directory("a/").file("a/.wh..wh.aufs", "").file("a/b", "")
            .unpack(&layer)
            .expect("a layer");
        let seen = ["a/b", ".wh..wh.plnk", "a/.wh..wh.aufs", ".wh.plnk", "a/.wh.aufs"]
            .map(|name| (name, layer.join(name).symlink_metadata().is_ok()));
        judge("whether the layer has a file, AUFS' notes, and whiteouts made of those")
            .expected([("a/b", true), (".wh..wh.plnk", false), ("a/.wh..wh.aufs", false), (".wh.plnk", false), ("a/.wh.aufs", false)])
            .seen(seen)
            .cause(|seen| match seen {
                [_, (_, true), ..] => "the notes in a directory of AUFS were unpacked: every component of a name counts, not the \
                     last one only".into(),
                [_, _, (_, true), ..] => "the notes were unpacked like files: .wh..wh. in front of a name is AUFS' own".into(),
                [.., (_, true), _] | [.., (_, true)] => "the notes were taken for whiteouts: .wh..wh. must be looked for before .wh.".into(),
                _ => "unknown".into(),
            })
            .read(READ_WHITEOUT);
    }

    /// The layer's own files do not depend on the order in which the archive has them.
    fn whiteouts_speak_of_lower_layers_only(host) {
        require(Need::Overlay);
        let lower = tree(host.dir(), "lower", &[("a/old", ""), ("b/old", ""), ("c/old", ""), ("d", "old"), ("e/old", "")]);
        let layer = host.dir().join("layer");
        Archive::new()
            .file(".wh.a", "").directory("a/").file("a/new", "")
            .directory("b/").file("b/new", "").file(".wh.b", "")
            .file(".wh.c", "").file("c/new", "")
            .file("d", "new").file(".wh.d", "")
            .file("e/new", "").file("e/.wh..wh..opq", "")
            .unpack(&layer)
            .expect("a layer");
        let container = Container::new(&host.dir().join("one"), &[&layer, &lower]);
        insta::assert_snapshot!("whiteouts_over_a_layer", listing(&container.mounted.root));
    }

    fn an_archive_says_how_much_it_was(host) {
        let archive = Archive::new().directory("d/").file("d/five", "12345").file("three", "123").file(".wh.x", "");
        let layer = host.dir().join("layer");
        let applied = archive.unpack(&layer).expect("a layer");
        assert_eq!((applied.size, applied.entries), (8, 4));
        // What follows the end of the archive belongs to the digest nevertheless: docker hashes the whole file.
        let mut longer = archive.bytes();
        longer.extend_from_slice(&[0; 512]);
        let again = apply_tar(longer.as_slice(), &layer, &UnpackLimits::default()).expect("the same layer");
        assert_ne!(applied.diff_id, again.diff_id);
    }

    fn an_archive_that_is_cut_off_is_an_error(host) {
        let bytes = Archive::new().file("a", &"x".repeat(2000)).bytes();
        for length in [1, 511, 513, 1500, 2511] {
            let error = apply_tar(&bytes[..length], host.dir(), &UnpackLimits::default()).expect_err("half an archive");
            judge(&format!("what is said of the first {length} bytes"))
                .expected("read the layer: it ends in the middle of an entry".to_owned())
                .seen(error.to_string())
                .read(READ_UNPACK);
        }
    }
}
