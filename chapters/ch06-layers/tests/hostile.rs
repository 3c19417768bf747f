//! Archives that want out. Each is unpacked beside a directory that must stay as it is; all of these worked on somebody.

mod common;

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use common::archive::{Archive, Fields};
use common::{message, plant, tree};
use layers::{Applied, DiffId, LayerError, UnpackLimits, apply_tar};
use testkit::{Host, judge, kernel_test};

const STEP: &str = "ch06-layers, \"One step at a time\"";
const LINK: &str = "ch06-layers, \"Hard links\"";

/// A layer's directory, and a neighbour with a secret.
struct Scene {
    layer: PathBuf,
    outside: PathBuf,
    before: String,
}

impl Scene {
    fn new(host: &Host) -> Self {
        Self::named(host, "scene")
    }

    fn named(host: &Host, name: &str) -> Self {
        let directory = host.dir().join(name);
        let (layer, outside) = (directory.join("layer"), directory.join("outside"));
        plant(&directory, &["layer/", "outside/etc/passwd", "outside/empty/"], "secret");
        let before = tree(&outside);
        Self { layer, outside, before }
    }

    fn unpack(&self, archive: Archive) -> Result<Applied, LayerError> {
        apply_tar(archive.finish().as_slice(), &self.layer, &UnpackLimits::default())
    }

    fn outside(&self) -> String {
        self.outside.display().to_string()
    }

    fn is_untouched(&self) -> bool {
        tree(&self.outside) == self.before
    }
}

/// The unpacker that everybody writes first: names checked as text, and then given to the kernel.
fn naive(archive: &[u8], destination: &Path) -> io::Result<()> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if name.is_absolute() || name.components().any(|part| part.as_os_str() == "..") {
            continue;
        }
        let path = destination.join(&name);
        match entry.header().entry_type() {
            tar::EntryType::Symlink => symlink(entry.link_name()?.unwrap_or_default(), path)?,
            tar::EntryType::Directory => fs::create_dir_all(path)?,
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                fs::write(path, content)?;
            }
        }
    }
    Ok(())
}

kernel_test! {
    /// "Break it" on the page: the same archive, unpacked twice.
    fn a_link_to_the_root_of_the_machine_is_not_followed(host) {
        // Not the real one, in case that it works.
        let machine = host.dir().join("machine");
        plant(&machine, &["etc/hostname"], "honest");
        plant(host.dir(), &["ours/", "naive/"], "");
        let target = machine.display().to_string();
        let archive = Archive::new().symlink("x", &target).file("x/etc/owned", b"hello from the layer").finish();

        naive(&archive, &host.dir().join("naive")).expect("the naive unpacker has no complaints");
        let owned = machine.join("etc/owned");
        assert_eq!(fs::read_to_string(&owned).ok().as_deref(), Some("hello from the layer"), "the attack works");
        fs::remove_file(&owned).expect("clean up after the attack");

        let refused = apply_tar(archive.as_slice(), &host.dir().join("ours"), &UnpackLimits::default());
        assert!(!owned.exists(), "the attack works on ours");
        insta::assert_snapshot!(message(refused.expect_err("an attack"), host.dir()), @"");
    }

    /// The judge of the exercise `step`.
    fn no_entry_gets_out_through_a_link(host) {
        let absolute = Scene::named(host, "absolute");
        let _ = absolute.unpack(Archive::new().symlink("x", &absolute.outside()).file("x/owned", b""));
        let relative = Scene::named(host, "relative");
        let _ = relative.unpack(Archive::new().symlink("x", "../outside").file("x/owned", b""));
        // `b` leads to the layer's own parent, although its text has nothing to complain about.
        let chained = Scene::named(host, "chained");
        let links = Archive::new().directory("a/").symlink("a/up", "..").symlink("b", "a/up/..");
        let _ = chained.unpack(links.file("b/outside/owned", b""));
        let seen = [&absolute, &relative, &chained].map(Scene::is_untouched);
        judge("whether the files beside the layer are untouched after a link to an absolute target, to a relative one, and a chain")
            .expected([true; 3])
            .seen(seen)
            .cause(|seen| match seen {
                [true, false, _] => "absolute targets are refused, and a relative target with .. leads out as well: \
                                     no target is safe enough to be followed".into(),
                [true, true, _] => "targets with .. are refused, and a chain of harmless ones leads out as well: \
                                    no target is safe enough to be followed".into(),
                _ => "a symbolic link of the archive was followed: open each component with O_NOFOLLOW, \
                      or look at it (lstat) before".into(),
            })
            .read(STEP);
    }

    /// The judge of the exercise `step`.
    fn a_way_through_a_link_is_refused(host) {
        let inside = Scene::new(host);
        let refused = inside.unpack(Archive::new().directory("lib/").symlink("lib64", "lib").file("lib64/x", b"1"));
        judge("what becomes of an entry whose way leads through a link of its own layer")
            .expected("refused: its way leads through a symbolic link".to_owned())
            .seen(match &refused {
                Err(LayerError::Entry { reason, .. }) => format!("refused: {reason}"),
                Err(other) => other.to_string(),
                Ok(_) if inside.layer.join("lib/x").exists() => "made behind the link".into(),
                Ok(_) => "made in the link's place".into(),
            })
            .cause(|seen| match seen.as_str() {
                "made in the link's place" => "the link was removed, and a directory made in its place: \
                                               the archive decides what is removed".into(),
                "made behind the link" => "the link was followed, since it stays inside: it does until somebody replaces it".into(),
                _ => "the kind of the file on the way was not looked at".into(),
            })
            .read(STEP);
    }

    /// The judge of the exercise `step`.
    fn directories_that_no_entry_names_are_made(host) {
        let scene = Scene::new(host);
        let made = scene.unpack(Archive::new().file("usr/share/doc/x", b"1").file("usr/share/y", b"2"));
        judge("whether a file is there whose directories no entry of the archive names")
            .expected(Ok(true))
            .seen(made.map(|_| scene.layer.join("usr/share/doc/x").exists()).map_err(|error| error.to_string()))
            .cause(|_| "a directory on the way is missing, and nobody made it: archives may leave parents out".into())
            .read(STEP);
        assert_eq!(fs::metadata(scene.layer.join("usr/share")).expect("a directory").mode() & 0o7777, 0o755);
    }

    /// The judge of the exercise `link`.
    fn a_hard_link_reaches_nothing_outside(host) {
        let archive = |scene: &Scene, target: &str| {
            let target = target.replace("OUTSIDE", scene.outside().trim_start_matches('/'));
            scene.unpack(Archive::new().symlink("way", &scene.outside()).hard_link("stolen", &target))
        };
        let linked = |name: &str, target: &str| {
            let scene = Scene::named(host, name);
            let result = archive(&scene, target);
            let found = fs::symlink_metadata(scene.layer.join("stolen"));
            let secret = fs::metadata(scene.outside.join("etc/passwd")).expect("the secret");
            (found.is_ok_and(|found| found.ino() == secret.ino()), result.is_err())
        };
        let through_link = linked("through", "way/etc/passwd");
        let from_root = linked("root", "OUTSIDE/etc/passwd");
        judge("whether a hard link was made to the file outside: through a link of the archive, by a path from the machine's root")
            .expected([false, false])
            .seen([through_link.0, from_root.0])
            .cause(|seen| match seen {
                [true, _] => "the target's directory was opened by a plain open, which follows the archive's own links".into(),
                _ => "the target was looked up from the machine's root: in an archive, names begin at the layer's".into(),
            })
            .read(LINK);
        assert!(through_link.1 && from_root.1, "both are errors");
    }

    /// The judge of the exercise `link`.
    fn a_hard_link_to_a_link_is_that_link(host) {
        let scene = Scene::new(host);
        let secret = format!("{}/etc/passwd", scene.outside());
        let archive = Archive::new().symlink("link", &secret).hard_link("second", "link");
        let result = scene.unpack(archive.entry(b'0', "second", "", b"overwritten", Fields::default()));
        let metadata = fs::metadata(scene.outside.join("etc/passwd")).expect("the secret");
        judge("names of the file outside, after a hard link to a symbolic link to it")
            .expected(1)
            .seen(metadata.nlink())
            .cause(|_| "linkat was told to follow (AT_SYMLINK_FOLLOW): it linked what the link leads to".into())
            .read(LINK);
        assert!(scene.is_untouched());
        assert!(result.is_ok(), "{result:?}");
        assert!(scene.layer.join("link").is_symlink());
    }

    /// The judge of the exercise `link`.
    fn a_second_name_is_the_same_file(host) {
        let scene = Scene::new(host);
        let archive = Archive::new().file("bin/a", b"program").hard_link("bin/b", "bin/a").hard_link("c", "./bin/b");
        let result = scene.unpack(archive).map(|_| ()).map_err(|error| error.to_string());
        judge("the error of an honest hard link").expected(Ok(())).seen(result)
            .cause(|_| "the target is named from the layer's root, not from the directory of the new name".into())
            .read(LINK);
        let inodes = ["bin/a", "bin/b", "c"].map(|name| fs::metadata(scene.layer.join(name)).expect(name).ino());
        judge("whether all three names are one file")
            .expected(true)
            .seen(inodes.iter().all(|inode| *inode == inodes[0]))
            .cause(|_| "the content was copied: a hard link is one file with another name (linkat)".into())
            .read(LINK);
    }

    /// Whatever they are, they are refused or harmless, and say why.
    fn every_known_way_out_is_shut(host) {
        let fields = Fields::default();
        let pax_target: &[u8] = b"../outside/etc/passwd";
        let attacks: Vec<(&str, Archive)> = vec![
            ("parent", Archive::new().file("../outside/owned", b"")),
            ("parent in the middle", Archive::new().file("a/../../outside/owned", b"")),
            ("absolute", Archive::new().file("/etc/owned", b"")),
            ("link, then file", Archive::new().symlink("x", "../outside").file("x/owned", b"")),
            ("link, then directory of that name, then file",
             Archive::new().symlink("x", "../outside").directory("x/").file("x/owned", b"")),
            ("link, then hard link through it", Archive::new().symlink("x", "..").hard_link("y", "x/outside/etc/passwd")),
            ("hard link to the outside", Archive::new().hard_link("y", "../outside/etc/passwd")),
            ("hard link to an absolute name", Archive::new().hard_link("y", "/etc/passwd")),
            ("hard link to nothing", Archive::new().hard_link("y", "")),
            ("hard link to itself", Archive::new().file("y", b"").hard_link("y", "y")),
            ("hard link to a directory", Archive::new().directory("d/").hard_link("y", "d")),
            ("hard link, target in a PAX record", Archive::new().pax(&[("linkpath", pax_target)]).hard_link("y", "harmless")),
            ("name in a PAX record", Archive::new().pax(&[("path", b"../outside/owned")]).file("harmless", b"")),
            ("a zero in a PAX name", Archive::new().pax(&[("path", b"a\0b")]).file("harmless", b"")),
            ("GNU long name", Archive::new().file(&format!("{}../outside/owned", "./".repeat(60)), b"")),
            ("write through a link", Archive::new().symlink("x", "../outside/etc/passwd").file("x", b"overwritten")),
            ("fifo as passwd", Archive::new().directory("etc/").fifo("etc/passwd").file("etc/passwd", b"root")),
            ("whiteout of the parent", Archive::new().directory("a/").file("a/.wh...", b"")),
            ("whiteout of the directory itself", Archive::new().directory("a/").file("a/.wh..", b"")),
            ("whiteout of nothing", Archive::new().file(".wh.", b"")),
            ("whiteout through a link", Archive::new().symlink("x", "../outside").file("x/.wh.etc", b"")),
            ("opaque through a link", Archive::new().symlink("x", "../outside").file("x/.wh..wh..opq", b"")),
            ("file below a file", Archive::new().file("f", b"").file("f/owned", b"")),
            ("the root as a link", Archive::new().symlink("./", "../outside").file("owned", b"")),
            ("the root as a file", Archive::new().file(".", b"")),
            ("two sizes", Archive::new().pax(&[("size", b"0")]).file("a", &[b'x'; 512])),
            ("two sizes, the other way", Archive::new().pax(&[("size", b"512")]).entry(b'0', "a", "", b"", fields)),
            ("a link with content", Archive::new().entry(b'2', "x", "y", &[0; 512], fields)),
            ("a directory with content", Archive::new().entry(b'5', "x", "", &[0; 512], fields)),
            ("owner -1", Archive::new().pax(&[("uid", b"4294967295")]).file("a", b"")),
            ("GNU sparse file", Archive::new().entry(b'S', "a", "", b"", fields)),
            ("PAX sparse file", Archive::new().pax(&[("GNU.sparse.major", b"1")]).file("a", b"")),
            ("contiguous, volume, and what not", Archive::new().entry(b'M', "a", "", b"", fields)),
            ("malformed PAX", Archive::new().entry(b'x', "p", "", b"99 path=x\n", fields).file("a", b"")),
            ("a size beyond everything", Archive::new().entry(b'0', "a", "", b"", Fields { size: Some(1 << 40), ..fields })),
        ];
        let mut told = String::new();
        for (name, archive) in attacks {
            let scene = Scene::new(host);
            let result = scene.unpack(archive);
            assert!(scene.is_untouched(), "{name}: the neighbour is now\n{}", tree(&scene.outside));
            assert!(!Path::new("/etc/owned").exists(), "{name}");
            let outcome = match result {
                Ok(_) => format!("harmless:\n{}", tree(&scene.layer)),
                Err(error) => error.to_string(),
            };
            told.push_str(&format!("{name}\n    {}\n", outcome.trim_end().replace('\n', "\n    ")));
            fs::remove_dir_all(host.dir().join("scene")).expect("an end of the scene");
        }
        insta::assert_snapshot!(told);
    }

    /// A layer may not bring overlayfs' own attributes: `redirect` would show another directory of the lower layers.
    fn attributes_of_overlayfs_are_not_taken_from_archives(host) {
        let scene = Scene::new(host);
        let attributes: &[(&str, &[u8])] = &[
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.trusted.overlay.metacopy", b""),
            ("SCHILY.xattr.user.overlay.opaque", b"y"),
            ("SCHILY.xattr.user.honest", b"kept"),
        ];
        scene.unpack(Archive::new().pax(attributes).directory("d/")).expect("an archive");
        let kept: Vec<String> = common::xattrs(&scene.layer.join("d")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["user.honest"]);
    }

    /// What an earlier entry made is replaced, whatever it was, and what was cached of it is forgotten.
    fn a_later_entry_replaces_an_earlier_one_of_another_kind(host) {
        let scene = Scene::new(host);
        let archive = Archive::new()
            .directory("a/").file("a/old", b"1").file("a", b"now a file")
            .file("b", b"1").directory("b/").file("b/x", b"2")
            .directory("c/").file("c/old", b"1").symlink("c", "../outside")
            .file("d", b"first").file("d", b"second")
            .directory("e/").file("e/kept", b"1").entry(b'5', "e/", "", b"", Fields { mode: 0o700, ..Fields::default() })
            .symlink("f", "../outside/etc/passwd").file("f", b"a file, not the link's target");
        scene.unpack(archive).expect("replacing is allowed");
        assert!(scene.is_untouched());
        insta::assert_snapshot!(tree(&scene.layer), @"");

        let stale = Scene::named(host, "stale");
        let swapped = Archive::new().directory("a/").file("a/x", b"1").symlink("a", "../outside").file("a/owned", b"");
        assert!(stale.unpack(swapped).is_err());
        assert!(stale.is_untouched());
    }

    fn the_limits_hold(host) {
        let unpack = |archive: Vec<u8>, entries, bytes| {
            let scene = Scene::new(host);
            let result = apply_tar(archive.as_slice(), &scene.layer, &UnpackLimits { entries, bytes });
            fs::remove_dir_all(host.dir().join("scene")).expect("an end of the scene");
            result.map(|applied| applied.entries).map_err(|error| message(error, host.dir()))
        };
        let three = Archive::new().file("a", b"").file("b", b"").file("c", b"").finish();
        assert_eq!(unpack(three.clone(), 3, 1 << 20), Ok(3));
        insta::assert_snapshot!(unpack(three.clone(), 2, 1 << 20).expect_err("one too many"), @"");
        // One name can be two thousand directories.
        let deep = Archive::new().file(&format!("{}x", "d/".repeat(1900)), b"").finish();
        assert!(unpack(deep, 1000, 1 << 20).is_err());
        assert_eq!(unpack(three.clone(), 3, three.len() as u64), Ok(3));
        insta::assert_snapshot!(unpack(three.clone(), 3, three.len() as u64 - 1).expect_err("one byte too many"), @"");
        // What comes after the end counts, too: it is hashed.
        let trailing = [three, vec![0; 1 << 20]].concat();
        assert!(unpack(trailing, 3, 1 << 16).is_err());
    }

    fn a_bomb_stops_at_the_limit(host) {
        let scene = Scene::new(host);
        let claimed = 1_u64 << 33;
        let header = Archive::new().entry(b'0', "zeros", "", b"", Fields { size: Some(claimed), ..Fields::default() });
        let bomb = io::Cursor::new(header.unfinished()).chain(io::repeat(0).take(claimed));
        let result = apply_tar(bomb, &scene.layer, &UnpackLimits { entries: 10, bytes: 1 << 20 });
        assert!(matches!(result, Err(LayerError::TooLarge(_))), "{result:?}");
        assert!(fs::metadata(scene.layer.join("zeros")).map_or(0, |metadata| metadata.len()) <= 1 << 20);
    }

    fn an_archive_that_is_cut_off_is_an_error(host) {
        let whole = Archive::new().directory("d/").file("d/a", &[7; 3000]).finish();
        for length in [1, 511, 513, 1024 + 1, 1024 + 2999, 1024 + 3000] {
            let scene = Scene::new(host);
            let result = apply_tar(&whole[..length], &scene.layer, &UnpackLimits::default());
            assert!(matches!(result, Err(LayerError::Read(_) | LayerError::Header { .. })), "{length}: {result:?}");
            fs::remove_dir_all(host.dir().join("scene")).expect("an end of the scene");
        }
    }
}

/// CVE-2024-3727: a digest that is a path.
#[test]
fn a_digest_never_becomes_a_path() {
    let hex = "0123456789abcdef".repeat(4);
    assert!(format!("sha256:{hex}").parse::<DiffId>().is_ok());
    let bad = [
        String::new(),
        hex.clone(),
        "sha256:".into(),
        "sha256:../../../../etc/passwd".into(),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha512:{hex}"),
        format!("sha256:{}/..", &hex[3..]),
        format!("sha256:{hex}\n"),
    ];
    let told: Vec<String> = bad.iter().map(|text| text.parse::<DiffId>().expect_err(text).to_string()).collect();
    insta::assert_snapshot!(told.join("\n"), @"");
    for text in bad {
        let json = serde_json::to_string(&text).expect("json");
        assert!(serde_json::from_str::<DiffId>(&json).is_err(), "{text}");
    }
}
