//! What someone types and reads who is not root, in a directory of theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount, umount};
use testkit::native_test;

use crate::desk::{Desk, snapshot};

const SUMS: &str = "chapters/ch01-sums/src/lib.rs";
const WORDS: &str = "chapters/ch02-words/src/lib.rs";
const USER: u32 = 65534;

/// The compiler and the runner, where everybody may use them: they are installed, or built, where only root may look.
struct Programs(PathBuf);

impl Programs {
    fn new(directory: &Path) -> Self {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc").stdout;
        let sysroot = PathBuf::from(String::from_utf8(sysroot).expect("a path").trim());
        mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).expect("a tmpfs");
        for name in ["bin", "lib"] {
            fs::create_dir(directory.join(name)).expect("a directory");
        }
        let lib = directory.join("lib");
        mount(Some(&sysroot.join("lib")), &lib, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
        for program in [sysroot.join("bin/cargo"), sysroot.join("bin/rustc"), env!("CARGO_BIN_EXE_workbook").into()] {
            let name = program.file_name().expect("a name");
            fs::copy(&program, directory.join("bin").join(name)).expect("a copy");
        }
        Self(directory.to_owned())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for mounted in [self.0.join("lib"), self.0.clone()] {
            umount(&mounted).expect("it was mounted");
        }
    }
}

native_test! {
    /// Most exercises need root; what they ask can be read without, and what does not need it can be judged.
    fn someone_who_is_not_root_reads_and_is_judged_as_far_as_that_goes(_host) {
        let programs = Programs::new(Path::new("/mnt"));
        let mut desk = Desk::new();
        desk.sit_down(USER, &programs.0).wb("init ../mine").enter("mine").wb("list");
        desk.wb_in(&[("FIXTURE_LACKS", "1")], "check greet").wb("check add");
        desk.fill(SUMS, "ex_add", "a.wrapping_add(b)").wb("check add");
        desk.fill(SUMS, "ex_add", "a.saturating_add(b)").wb("check add");
        desk.fill(SUMS, "ex_total", "numbers.iter().fold(0, |sum, number| add(sum, *number))");
        desk.fill(WORDS, "ex_greet", "format!(\"Hello {name}, {} letters\", name.chars().count())");
        desk.wb_in(&[("FIXTURE_LACKS", "1")], "check greet").wb("list").wb("hint greet");
        assert_eq!(desk.not_of(USER), Vec::<PathBuf>::new());
        snapshot("someone_who_is_not_root", &mut desk);
    }

    /// Whoever types `sudo` once must be able to go on without.
    fn one_run_as_root_locks_nobody_out(_host) {
        let programs = Programs::new(Path::new("/mnt"));
        let mut desk = Desk::learner();
        desk.sit_down(USER, &programs.0);
        desk.fill(SUMS, "ex_add", "a.saturating_add(b)").wb_as_root("check add").wb_as_root("hint total");
        desk.wb_as_root("reset add").wb_as_root("solution total --give-up").wb_as_root("stage ch01 2 3");
        assert_eq!(desk.not_of(USER), Vec::<PathBuf>::new());
        desk.wb("check add").wb("hint total").wb("reset add");
        desk.fill(SUMS, "ex_add", "a.saturating_add(b)").wb("check add").wb("list");
        assert_eq!(desk.not_of(USER), Vec::<PathBuf>::new());
        snapshot("one_run_as_root", &mut desk);
    }
}
