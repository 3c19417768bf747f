//! Archives that want out. Every one meets a canary: a file outside the layer that must stay as it was.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::archive::Archive;
use common::{READ_LINKS, READ_UNPACK, listing};
use layers::DiffId;
use tar::EntryType;
use testkit::{Host, judge, kernel_test};

/// What is in a layer, but for the directories on the way: `/x -> y, /d/, /d/f`.
fn leaves(layer: &Path) -> String {
    let all = listing(layer);
    let files = all.lines().filter_map(|line| {
        // A whiteout has no mode.
        let (path, what) = line[line.find('/')?..].split_once(' ')?;
        match what {
            "directory" if path == "/" || all.contains(&format!("{path}/")) => None,
            "directory" => Some(format!("{path}/")),
            "whiteout" | "directory, opaque" => Some(format!("{path} ({what})")),
            _ if what.starts_with("->") => Some(format!("{path} {what}")),
            _ => Some(path.to_owned()),
        }
    });
    files.collect::<Vec<_>>().join(", ")
}

/// A canary next to a layer.
struct Stage {
    layer: PathBuf,
    outside: PathBuf,
    before: String,
}

impl Stage {
    fn new(host: &Host) -> Self {
        let outside = host.dir().join("outside");
        fs::create_dir(&outside).expect("a directory");
        fs::write(outside.join("canary"), "alive").expect("the canary");
        Self { layer: host.dir().join("layer"), before: Self::look(&outside), outside }
    }

    fn look(outside: &Path) -> String {
        let links = fs::metadata(outside.join("canary")).map(|file| file.nlink());
        format!("{}\n{} name", listing(outside), links.unwrap_or_default())
    }

    /// `{out}` in names and targets is the directory outside.
    fn text(&self, text: &str) -> String {
        text.replace("{out}", &self.outside.display().to_string())
    }

    /// The verdict: what was said, after the canary was looked at.
    fn attack(&self, attack: &str, archive: &Archive, cause: &str) -> String {
        let outcome = archive.unpack(&self.layer);
        let made = leaves(&self.layer);
        judge(&format!("what is outside the layer after {attack}"))
            .expected(self.before.clone())
            .seen(Self::look(&self.outside))
            .cause(|_| cause.into())
            .read(READ_UNPACK);
        fs::remove_dir_all(&self.layer).expect("the layer");
        match outcome {
            Ok(_) => self.untext(&format!("{attack}: {made}")),
            Err(error) => self.untext(&format!("{attack}: {error}")),
        }
    }

    fn untext(&self, text: &str) -> String {
        let out = self.outside.display().to_string();
        text.replace(&out, "{out}").replace(&out[1..], "{out}")
    }
}

kernel_test! {
    fn names_do_not_lead_out(host) {
        let stage = Stage::new(host);
        let cause = "the name of an entry was used as it is";
        let absolute = stage.text("{out}/canary");
        insta::assert_snapshot!("names", [
            stage.attack("..", &Archive::new().file("../outside/canary", "dead"), cause),
            stage.attack("a hidden ..", &Archive::new().directory("a/").file("a/../../outside/canary", "dead"), cause),
            stage.attack("a .. at the end", &Archive::new().directory("a/.."), cause),
            stage.attack("an absolute name", &Archive::new().pax(&[("path", absolute.as_bytes())]).file("x", "dead"), cause),
            stage.attack("a zero byte", &Archive::new().pax(&[("path", b"a\0/../../outside/canary")]).file("x", "dead"), cause),
            stage.attack("no name", &Archive::new().pax(&[("path", b"")]).file("x", "dead"), cause),
            stage.attack("a very long name", &Archive::new().pax(&[("path", format!("{}x", "d/".repeat(3000)).as_bytes())]).file("x", "dead"), cause),
            stage.attack("a file as the root", &Archive::new().file("./.", "dead"), cause),
            stage.attack("a link as the root", &Archive::new().symlink(".", &stage.text("{out}")), cause),
        ].join("\n"));
    }

    /// A judge of the exercise `whiteouts`.
    fn whiteouts_do_not_lead_out(host) {
        let stage = Stage::new(host);
        let cause = "the name of an entry was used as it is";
        insta::assert_snapshot!("whiteout_names", [
            stage.attack("a whiteout of ..", &Archive::new().file(".wh...", ""), cause),
            stage.attack("a whiteout of .", &Archive::new().directory("a/").file("a/.wh..", ""), cause),
            stage.attack("a whiteout of nothing", &Archive::new().directory("a/").file("a/.wh.", ""), cause),
            stage.attack("a whiteout of a name with ..", &Archive::new().file("../outside/.wh.canary", ""), cause),
            stage.attack("an opaque root", &Archive::new().file(".wh..wh..opq", ""), cause),
        ].join("\n"));
    }

    /// The judge of the exercise `parents`.
    fn links_on_the_way_do_not_lead_out(host) {
        let stage = Stage::new(host);
        let cause = "a parent was opened through a symbolic link of the same archive";
        let out = stage.text("{out}");
        insta::assert_snapshot!("links", [
            stage.attack("a link to outside", &Archive::new().symlink("x", &out).file("x/canary", "dead"), cause),
            stage.attack("a link upwards", &Archive::new().symlink("x", "../outside").file("x/canary", "dead"), cause),
            stage.attack("chained links", &Archive::new().symlink("x", "..").symlink("y", "x/outside").file("y/canary", "dead"), cause),
            stage.attack("a link in the middle", &Archive::new().directory("a/").symlink("a/x", &out).directory("a/x/d/"), cause),
            stage.attack("a link that is swapped", &Archive::new().directory("a/").symlink("x", "a").file("x/f", "")
                .symlink("x", &out).file("x/canary", "dead"), cause),
            stage.attack("a whiteout behind a link", &Archive::new().symlink("x", &out).file("x/.wh.canary", ""), cause),
            stage.attack("an opaque link", &Archive::new().symlink("x", &out).file("x/.wh..wh..opq", ""), cause),
            stage.attack("a link into /proc", &Archive::new().symlink("x", "/proc/self/cwd").file("x/canary", "dead"), cause),
            stage.attack("a ring of links", &Archive::new().symlink("x", "y").symlink("y", "x").file("x/canary", "dead"), cause),
            stage.attack("a link that grows", &Archive::new().symlink("x", "x/x").file("x/canary", "dead"), cause),
            stage.attack("a file in a file", &Archive::new().file("x", "").file("x/canary", "dead"), cause),
        ].join("\n"));
    }

    fn a_link_as_the_last_component_is_replaced(host) {
        let stage = Stage::new(host);
        let canary = stage.text("{out}/canary");
        let cause = "the file was written through the link that had its name before";
        insta::assert_snapshot!("last_component", [
            stage.attack("a file over a link", &Archive::new().symlink("x", &canary).file("x", "dead"), cause),
            stage.attack("a directory over a link", &Archive::new().symlink("x", &stage.text("{out}")).directory("x/").file("x/canary", "dead"), cause),
            stage.attack("a mode for a link", &Archive::new()
                .entry(EntryType::Symlink, "x", &canary, b"", |header| { header.set_mode(0o4777); header.set_uid(12); }), cause),
            stage.attack("an attribute for a link", &Archive::new()
                .pax(&[("SCHILY.xattr.trusted.dead", b"y")]).symlink("x", &canary), cause),
        ].join("\n"));
    }

    /// The judge of the exercise `hard-links`.
    fn hard_links_stay_inside(host) {
        let stage = Stage::new(host);
        let out = stage.text("{out}");
        let canary = stage.text("{out}/canary");
        let through = "the target of a hard link was looked up through a symbolic link of the same archive: a file outside \
                       got a second name, and what is written to that name is written outside";
        let followed = "linkat(2) followed the link that is the target (AT_SYMLINK_FOLLOW): a file outside got a second name";
        let said = [
            stage.attack("a target behind a link", &Archive::new().symlink("x", &out).hard_link("y", "x/canary"), through),
            stage.attack("a target behind a link upwards", &Archive::new().symlink("x", "../outside").hard_link("y", "x/canary"), through),
            stage.attack("a target that is a link", &Archive::new().symlink("x", &canary).hard_link("y", "x"), followed),
            stage.attack("a target with ..", &Archive::new().hard_link("y", "../outside/canary"), through),
            stage.attack("an absolute target", &Archive::new().pax(&[("linkpath", canary.as_bytes())]).hard_link("y", "z"), through),
            stage.attack("a target that is missing", &Archive::new().hard_link("y", "z"), through),
            stage.attack("a directory as target", &Archive::new().directory("z/").hard_link("y", "z"), through),
            stage.attack("the root as target", &Archive::new().hard_link("y", "."), through),
            stage.attack("no target", &Archive::new().hard_link("y", ""), through),
        ].join("\n");
        let itself = stage.attack("a link to itself", &Archive::new().file("y", "").hard_link("y", "y"), through);
        judge("what is said of a hard link to itself")
            .expected("a link to itself: entry \"y\" of the layer: hard link to itself".to_owned())
            .seen(itself)
            .cause(|seen| if seen.contains("does not have") {
                "what had the new name was removed before anybody asked whether it is the target".into()
            } else {
                "unknown".into()
            })
            .read(READ_LINKS);
        insta::assert_snapshot!("hard_links", said);
        let dead_ends = [
            stage.attack("a target below a file", &Archive::new().file("x", "").hard_link("y", "x/f"), through),
            stage.attack("a target behind a ring of links", &Archive::new().symlink("x", "z").symlink("z", "x").hard_link("y", "x/f"), through),
        ];
        judge("what is said of hard links to x/f, where x is a file, and where x -> z and z -> x")
            .expected(["a target below a file", "a target behind a ring of links"]
                .map(|attack| format!("{attack}: entry \"y\" of the layer: hard link to \"x/f\", which this layer does not have")))
            .seen(dead_ends)
            .cause(|seen| if seen.iter().any(|said| said.contains("ENOTDIR") || said.contains("ELOOP")) {
                "a way that ends in a file or in a ring (ENOTDIR, ELOOP) means what a missing one does: the layer does not \
                 have the target".into()
            } else {
                "unknown".into()
            })
            .read(READ_LINKS);
    }

    /// Opened for writing, a FIFO waits for a reader. So did `docker build` (CVE-2024-9676).
    fn a_fifo_does_not_make_us_wait(host) {
        let stage = Stage::new(host);
        let archive = Archive::new().fifo("etc/passwd").file("etc/passwd", "root").fifo("etc/group").directory("etc/group/");
        archive.unpack(&stage.layer).expect("a layer");
        insta::assert_snapshot!("fifo", listing(&stage.layer));
        Archive::new().fifo("etc/shadow").unpack(&stage.layer).expect("a layer");
        layers::create_tar(&stage.layer, std::io::sink()).expect("an archive");
    }

    fn overlayfs_attributes_do_not_come_from_archives(host) {
        let stage = Stage::new(host);
        Archive::new()
            .pax(&[("SCHILY.xattr.trusted.overlay.metacopy", b""), ("SCHILY.xattr.trusted.overlay.redirect", b"/outside/canary")])
            .file("etc/motd", "")
            .unpack(&stage.layer)
            .expect("a layer");
        assert_eq!(common::attribute(&stage.layer.join("etc/motd"), c"trusted.overlay.metacopy"), None);
        assert_eq!(common::attribute(&stage.layer.join("etc/motd"), c"trusted.overlay.redirect"), None);
    }
}

/// CVE-2024-3727: a digest that was never checked became the name of a directory.
#[test]
fn a_digest_is_64_digits_and_nothing_else() {
    let digits = "0123456789abcdef".repeat(4);
    assert!(format!("sha256:{digits}").parse::<DiffId>().is_ok());
    let hostile = [
        String::new(),
        digits.clone(),
        "sha256:".into(),
        "sha256:../../../../etc/passwd".into(),
        format!("sha256:{}/x", &digits[..62]),
        format!("sha256:{}", digits.to_uppercase()),
        format!("sha256:{digits}0"),
        format!("sha512:{digits}"),
        format!("sha256:{digits}\n"),
        format!("sha256:{}é", &digits[..62]),
    ];
    for text in hostile {
        let error = text.parse::<DiffId>().expect_err("no digest");
        assert_eq!(error.to_string(), format!("{text:?} is not a digest"));
        assert!(serde_json::from_value::<DiffId>(text.into()).is_err());
    }
}
