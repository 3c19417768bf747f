//! Archives that are legal, and that a strict reader would refuse. What they mean is docker's to say.

mod common;

use std::fs;
use std::path::Path;

use common::archive::Archive;
use common::{READ_LINKS, READ_UNPACK, attribute, is_whiteout, listing};
use nix::sys::stat::{Mode, umask};
use tar::{EntryType, Header};
use testkit::{judge, kernel_test};

/// The text of the file at `path`, or why there is none.
fn read(layer: &Path, path: &str) -> String {
    fs::read_to_string(layer.join(path)).unwrap_or_else(|error| format!("({:?})", error.kind()))
}

fn said(outcome: Result<layers::Applied, layers::LayerError>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "taken".into())
}

/// What a program of old leaves in a field that does not apply.
fn blank(header: &mut Header) {
    let fields = header.as_old_mut();
    for field in [&mut fields.uid, &mut fields.gid] {
        *field = *b"        ";
    }
    fields.size = *b"            ";
    fields.mtime = [0; 12];
}

kernel_test! {
    /// The judge of the exercise `parents`. Distributions have `bin -> usr/bin`, and packages with files in `/bin`.
    fn names_lead_through_links_inside_the_layer(host) {
        let layer = host.dir().join("layer");
        let merged = Archive::new().directory("usr/bin/").symlink("bin", "usr/bin").file("bin/tool", "tool");
        let outcome = said(merged.unpack(&layer));
        let plain = Archive::new().directory("a/b/").file("a/b/c", "");
        let takes_directories = || plain.unpack(&host.dir().join("plain")).is_ok();
        judge("usr/bin/tool, after bin -> usr/bin and bin/tool")
            .expected(("taken".to_owned(), "tool".to_owned()))
            .seen((outcome, read(&layer, "usr/bin/tool")))
            .cause(|(outcome, _)| match outcome.as_str() {
                "taken" if !layer.join("bin").is_symlink() => "the link was replaced by a directory, so the file is at one \
                         name and not at the other".into(),
                "taken" => "the file went somewhere else".into(),
                refusal if refusal.contains("not a directory") && takes_directories() => {
                    "a link on the way is no attack by itself: what it says is to be walked, inside".into()
                }
                _ => "unknown".into(),
            })
            .read(READ_UNPACK);
    }

    /// Some lead to what is not there yet. Docker refuses a few of these; to refuse none is simpler, and as safe.
    fn links_may_be_absolute_lead_upwards_and_to_nothing(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .directory("usr/bin/").symlink("bin", "usr/bin").file("bin/tool", "tool")
            .symlink("lib", "/usr/lib").file("lib/absolute", "a")
            .directory("a/b/").symlink("a/b/up", "../../../../usr/lib").file("a/b/up/upwards", "u")
            .symlink("one", "two").symlink("two", "usr/three").file("one/chained", "c")
            .symlink("a/here", "b/../c").directory("a/here/d/").file("a/here/d/e", "e")
            .unpack(&layer)
            .expect("links to what is there, and to what is not there yet");
        insta::assert_snapshot!("links", listing(&layer));
    }

    fn whiteouts_mean_what_they_mean_behind_links_too(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .symlink("bin", "usr/bin").file("bin/.wh.gone", "")
            .symlink("lib", "/usr/lib").file("lib/.wh..wh..opq", "")
            .file("usr/.wh.share", "").symlink("share", "usr/share").file("share/new", "new")
            .unpack(&layer)
            .expect("a layer");
        assert!(is_whiteout(&layer.join("usr/bin/gone")));
        for opaque in ["usr/lib", "usr/share"] {
            assert_eq!(attribute(&layer.join(opaque), c"trusted.overlay.opaque").as_deref(), Some(&b"y"[..]), "{opaque}");
        }
        assert_eq!(read(&layer, "usr/share/new"), "new");
    }

    /// A judge of the exercise `hard-links`.
    fn hard_links_lead_through_links_inside_the_layer(host) {
        let layer = host.dir().join("layer");
        let archive = Archive::new()
            .symlink("bin", "/usr/bin").file("usr/bin/tool", "tool")
            .hard_link("one", "bin/tool").hard_link("/bin/two", "/bin/../bin/tool").hard_link("bin/two", "one");
        judge("hard links whose targets lie behind bin -> /usr/bin")
            .expected("taken".to_owned())
            .seen(said(archive.unpack(&layer)))
            .cause(|seen| if seen.contains("does not have") {
                "the target is there, behind a link of the layer: for the layer, its / is the root of the layer".into()
            } else {
                "unknown".into()
            })
            .read(READ_LINKS);
        for name in ["one", "usr/bin/two"] {
            assert_eq!(read(&layer, name), "tool");
        }
        let twice = Archive::new().symlink("bin", "usr/bin").file("bin/tool", "tool").hard_link("bin/tool", "usr/bin/tool");
        judge("what is said of a hard link to itself by another way")
            .expected("entry \"bin/tool\" of the layer: hard link to itself".to_owned())
            .seen(said(twice.unpack(&layer)))
            .cause(|_| "the texts of the two names differ, and the files are one: compare directories, not texts".into())
            .read(READ_LINKS);
        assert_eq!(read(&layer, "usr/bin/tool"), "tool");
        let elsewhere = Archive::new().file("a/tool", "tool").hard_link("b/tool", "a/tool");
        judge("what is said of a hard link with its target's name, in another directory")
            .expected("taken".to_owned())
            .seen(said(elsewhere.unpack(&layer)))
            .cause(|seen| if seen.contains("hard link to itself") {
                "the names are alike, and the directories differ: that is no link to itself".into()
            } else {
                "unknown".into()
            })
            .read(READ_LINKS);
    }

    fn names_may_be_absolute_and_go_back(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .file("/etc//motd", "absolute").file("///usr/./x", "slashes")
            // By the text of the name, as docker reads it, and not by where `a` leads.
            .symlink("a", "b/c").file("a/../back", "back").file("none/../../../layer/x/../y", "")
            .unpack(&layer)
            .expect_err("the last one leads out");
        insta::assert_snapshot!("names", listing(&layer));
    }

    /// On directories a size was a quota once, on links it is the target's. No content follows, and docker reads none.
    fn what_has_no_content_may_have_a_size(host) {
        let layer = host.dir().join("layer");
        let size = |header: &mut Header| header.set_size(4711);
        Archive::new()
            .entry(EntryType::Directory, "d/", "", b"", |header| { header.set_mode(0o700); header.set_size(4711); })
            .file("f", "f")
            .entry(EntryType::Link, "hard", "f", b"", size)
            .entry(EntryType::Symlink, "soft", "f", b"", size)
            .entry(EntryType::Fifo, "fifo", "", b"", size)
            .entry(EntryType::Block, "disk", "", b"", |header| { blank(header); header.set_size(1); })
            .pax(&[("size", b"4711")]).symlink("extended", "f")
            .file("last", "last")
            .unpack(&layer)
            .expect("a layer");
        insta::assert_snapshot!("sizes", listing(&layer));
    }

    fn the_last_extension_of_a_kind_counts(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .pax(&[("path", b"first"), ("SCHILY.xattr.user.a", b"1")]).pax(&[("SCHILY.xattr.user.b", b"2")]).file("plain", "")
            .entry(EntryType::GNULongName, "././@LongLink", "", b"by-gnu\0", |_| {}).pax(&[("path", b"by-pax")]).file("x", "")
            .unpack(&layer)
            .expect("a layer");
        assert_eq!(attribute(&layer.join("plain"), c"user.a"), None);
        assert_eq!(attribute(&layer.join("plain"), c"user.b").as_deref(), Some(&b"2"[..]));
        assert!(layer.join("by-gnu").exists());
    }

    fn an_empty_value_takes_nothing_away(host) {
        let layer = host.dir().join("layer");
        let empty = |key| (key, &b""[..]);
        Archive::new()
            .pax(&["path", "size", "uid", "gid", "mtime", "SCHILY.xattr.user.empty"].map(empty))
            .entry(EntryType::Regular, "file", "", b"four", |header| { header.set_uid(7); header.set_gid(8); })
            .pax(&[empty("linkpath")]).symlink("link", "file")
            .unpack(&layer)
            .expect("a layer");
        insta::assert_snapshot!("empty", listing(&layer));
        assert_eq!(attribute(&layer.join("file"), c"user.empty").as_deref(), Some(&b""[..]));
    }

    /// `git archive` writes a comment, GNU tar whatever it is told. Docker reads them and takes nothing from them.
    fn global_extensions_are_read_and_change_nothing(host) {
        let layer = host.dir().join("layer");
        let global = |body: &[u8]| Archive::new().entry(EntryType::XGlobalHeader, "g", "", body, |_| {});
        let all = b"11 path=no\n9 size=1\n10 uid=77\n13 comment=x\n22 GNU.sparse.major=1\n";
        global(all).file("file", "four").unpack(&layer).expect("a layer");
        insta::assert_snapshot!("global", listing(&layer));
        assert_eq!(
            said(global(b"99 uid=1\n").unpack(&layer)),
            "the layer is not a tar archive: the extension is malformed in the header at byte 0"
        );
    }

    fn numbers_may_be_blank(host) {
        let layer = host.dir().join("layer");
        Archive::new()
            .entry(EntryType::Directory, "d/", "", b"", |header| { blank(header); header.as_old_mut().mode = *b"   755 \0"; })
            .entry(EntryType::Symlink, "link", "d", b"", blank)
            .entry(EntryType::Regular, "empty", "", b"", blank)
            .unpack(&layer)
            .expect("a layer");
        insta::assert_snapshot!("blank", listing(&layer));
    }

    /// Docker takes neither owner nor mode of the root from an archive. With 0700, a program of another user than root
    /// could not even be found.
    fn the_root_of_a_layer_is_everyones(host) {
        let roots = [
            ("none", Archive::new().file("f", "")),
            ("private", Archive::new().entry(EntryType::Directory, "./", "", b"", |header| {
                header.set_mode(0o700);
                header.set_uid(1000);
            }).file("f", "")),
            ("absolute", Archive::new().entry(EntryType::Directory, "/", "", b"", |header| header.set_mode(0o1777))),
            ("nameless", Archive::new().entry(EntryType::Directory, "", "", b"", |header| header.set_mode(0))),
        ];
        for (name, archive) in roots {
            let layer = host.dir().join(name);
            let before = umask(Mode::from_bits_truncate(0o077));
            let outcome = archive.unpack(&layer);
            umask(before);
            outcome.expect("a layer");
            let seen = listing(&layer).lines().next().map(str::to_owned);
            judge(&format!("the root of the layer {name:?}"))
                .expected(Some("0755 0:0 / directory".to_owned()))
                .seen(seen)
                .cause(|_| "owner and mode of the root were taken from the archive, or left to the umask".into())
                .read(READ_UNPACK);
        }
    }
}
