//! `docker diff`, without a daemon and without a mount.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{Container, READ_CHANGES, tree};
use layers::changes;
use testkit::{Host, Need, judge, kernel_test, require};

/// A container on an image of two layers.
struct Case {
    container: Container,
    lowers: Vec<PathBuf>,
}

impl Case {
    fn new(host: &Host) -> Self {
        require(Need::Overlay);
        let bottom = tree(
            host.dir(),
            "bottom",
            &[
                ("etc/motd", "hello"),
                ("etc/group", "root"),
                ("var/cache/a/1", "1"),
                ("var/cache/b", ""),
                ("usr/lib/x", ""),
                ("usr/share/y", ""),
                ("tmp/", ""),
            ],
        );
        let top = tree(host.dir(), "top", &[("etc/issue", "top"), ("var/cache/c", "")]);
        let lowers = vec![top, bottom];
        let borrowed: Vec<&Path> = lowers.iter().map(PathBuf::as_path).collect();
        Self { container: Container::new(&host.dir().join("one"), &borrowed), lowers }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.container.path(inside)
    }

    fn lines(&self) -> Vec<String> {
        let changes = changes(&self.container.upper.upper, &self.lowers).expect("the changes");
        changes.iter().map(ToString::to_string).collect()
    }

    /// The verdict on the changes so far.
    fn expect(&self, what: &str, lines: &[&str], cause: impl FnOnce(&Vec<String>) -> String) {
        judge(&format!("the changes after {what}"))
            .expected(lines.iter().map(ToString::to_string).collect())
            .seen(self.lines())
            .cause(cause)
            .read(READ_CHANGES);
    }
}

fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|seen| seen == line)
}

kernel_test! {
    fn nothing_has_changed_at_first(host) {
        let case = Case::new(host);
        let read = case.container.read("etc/motd");
        case.expect(&format!("reading {read:?}"), &[], |_| "something counts as changed that was only read".into());
    }

    /// The judge of the exercise `changes`.
    fn files_are_added_changed_and_deleted(host) {
        let case = Case::new(host);
        case.container.write("tmp/new", "new");
        case.expect("making /tmp/new", &["C /tmp", "A /tmp/new"], |seen| if has(seen, "C /tmp/new") {
            "a file of the upper layer that no lower layer has is new".into()
        } else if has(seen, "A /tmp") {
            "the lower layers were not asked for the file".into()
        } else {
            "unknown".into()
        });
        case.container.write("etc/motd", "changed");
        fs::remove_file(case.path("etc/group")).expect("remove");
        let expected = ["C /etc", "D /etc/group", "C /etc/motd", "C /tmp", "A /tmp/new"];
        case.expect("a write to /etc/motd and the end of /etc/group", &expected, |seen| {
            if has(seen, "A /etc/motd") {
                "a file that a lower layer has, too, is changed".into()
            } else if has(seen, "C /etc/group") || has(seen, "A /etc/group") {
                "a whiteout is a file of the upper layer, and means a deletion".into()
            } else {
                "unknown".into()
            }
        });
    }

    /// The judge of the exercise `changes`.
    fn a_file_that_came_and_went_is_no_change(host) {
        let case = Case::new(host);
        fs::write(case.container.upper.upper.join("passing"), "").expect("a file");
        fs::remove_file(case.container.upper.upper.join("passing")).expect("remove");
        nix::sys::stat::mknod(&case.container.upper.upper.join("passing"), nix::sys::stat::SFlag::S_IFCHR,
            nix::sys::stat::Mode::empty(), 0).expect("a whiteout");
        case.expect("a whiteout of nothing", &[], |seen| if has(seen, "D /passing") {
            "a whiteout of a file that no lower layer has is no change".into()
        } else {
            "unknown".into()
        });
    }

    /// The judge of the exercise `changes`.
    fn a_directory_that_only_holds_a_change_is_listed_for_it(host) {
        let case = Case::new(host);
        // Touched, and put back: overlayfs has copied all directories up, and nothing is different.
        let file = case.path("usr/lib/x");
        fs::rename(&file, case.path("usr/lib/z")).expect("rename");
        fs::rename(case.path("usr/lib/z"), &file).expect("rename back");
        fs::remove_dir_all(case.container.upper.upper.join("usr/lib")).expect("as if it had never been");
        case.expect("something in /usr that was undone", &[], |seen| if has(seen, "C /usr") {
            "a directory is in the upper layer as soon as something in it was: alone, with the same attributes, it is no change".into()
        } else {
            "unknown".into()
        });
        fs::set_permissions(case.path("usr/share"), fs::Permissions::from_mode(0o700)).expect("a mode");
        case.container.write("tmp/new", "new");
        let expected = ["C /tmp", "A /tmp/new", "C /usr", "C /usr/share"];
        case.expect("a new mode of /usr/share, and a new file", &expected, |seen| if seen == &expected[..2] {
            "a directory whose mode is another than in the lower layers is changed".into()
        } else if seen == &["C /tmp", "A /tmp/new", "C /usr/share"] {
            "the directories above a change are changed".into()
        } else {
            "unknown".into()
        });
    }

    fn a_directory_made_anew_deletes_what_was_in_it(host) {
        let case = Case::new(host);
        fs::remove_dir_all(case.path("var/cache")).expect("remove");
        case.expect("rm -r /var/cache", &["C /var", "D /var/cache"], |_| "unknown".into());
        fs::create_dir_all(case.path("var/cache/a")).expect("create");
        fs::write(case.path("var/cache/c"), "again").expect("write");
        fs::write(case.path("var/cache/d"), "new").expect("write");
        insta::assert_snapshot!("made_anew", case.lines().join("\n"));
    }

    fn a_file_can_take_a_directorys_place_and_the_other_way_round(host) {
        let case = Case::new(host);
        fs::remove_dir_all(case.path("usr")).expect("remove");
        fs::write(case.path("usr"), "").expect("write");
        fs::remove_file(case.path("etc/motd")).expect("remove");
        fs::create_dir_all(case.path("etc/motd/d")).expect("create");
        insta::assert_snapshot!("other_kinds", case.lines().join("\n"));
    }

    fn layers_in_between_hide_what_is_below(host) {
        require(Need::Overlay);
        let bottom = tree(host.dir(), "bottom", &[("a/1", ""), ("b/1", ""), ("c", ""), ("d/1", ""), ("e/1/2", "")]);
        let middle = tree(host.dir(), "middle", &[("b/2", ""), ("d", ""), ("e/3", "")]);
        nix::sys::stat::mknod(&middle.join("a"), nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::Mode::empty(), 0).expect("a whiteout");
        for name in ["b", "e"] {
            rustix::fs::lsetxattr(middle.join(name), c"trusted.overlay.opaque", b"y", rustix::fs::XattrFlags::empty()).expect("opaque");
        }
        let lowers = vec![middle, bottom];
        let borrowed: Vec<&Path> = lowers.iter().map(PathBuf::as_path).collect();
        let case = Case { container: Container::new(&host.dir().join("one"), &borrowed), lowers };
        for name in ["a/1", "b/1", "d/1", "e/1/2"] {
            let path = case.path(name);
            let parent = path.parent().expect("a parent").to_path_buf();
            if parent.is_file() {
                fs::remove_file(&parent).expect("remove");
            }
            fs::create_dir_all(parent).expect("create");
            fs::write(path, "again").expect("write");
        }
        fs::remove_dir_all(case.path("e")).expect("remove");
        fs::create_dir(case.path("e")).expect("create");
        insta::assert_snapshot!("in_between", case.lines().join("\n"));
    }
}
