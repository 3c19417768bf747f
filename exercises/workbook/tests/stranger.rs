//! A stranger does the best-known exercise of the real workbook, makes the typical mistake, is told exactly that, and
//! passes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const UTS: &str = "chapters/ch02-namespaces/src/uts.rs";

/// One directory for all runs, outside of the original: so that what was compiled for it can be used again.
struct Stranger {
    directory: PathBuf,
    _lock: File,
}

impl Stranger {
    /// Begins, in a fresh directory. Nothing in a learner's copy of the workbook, which cannot be given out again.
    fn begin() -> Option<Self> {
        let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace");
        if origin.join(".workbook").exists() {
            return None;
        }
        let directory = std::env::temp_dir().join(format!("workbook-stranger-{}", user()));
        let lock = File::create(directory.with_extension("lock")).expect("a lock file");
        lock.lock().expect("the lock");
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("the last stranger's directory goes");
        }
        let stranger = Self { directory, _lock: lock };
        let mut init = Self::command(&["init"]);
        let status = init.arg(&stranger.directory).current_dir(&origin).status().expect("init starts");
        assert!(status.success(), "init: {status}");
        // Its own all the same: no other checkout builds there.
        let target = origin.join("target/wb/stranger");
        fs::create_dir_all(&target).expect("a directory");
        std::os::unix::fs::symlink(&target, stranger.directory.join("target")).expect("a link");
        assert!(!stranger.directory.join("exercises/maintain").exists(), "maintainers' tools are not a learner's");
        Some(stranger)
    }

    /// The lock file. Cargo writes it anew where it does not fit.
    fn lock(&self) -> String {
        fs::read_to_string(self.directory.join("Cargo.lock")).expect("a lock file")
    }

    fn command(words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workbook"));
        command.args(words);
        command
    }

    fn check(&self, id: &str) -> String {
        let output = Self::command(&["check", id]).current_dir(&self.directory).output().expect("check starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Has done a chapter: its files are as in the original.
    fn has_done(&self, chapter: &str) {
        let sources = Path::new("chapters").join(chapter).join("src");
        let entries = fs::read_dir(self.directory.join(".workbook/pristine").join(&sources)).expect("kept solutions");
        for entry in entries {
            let entry = entry.expect("a kept solution");
            if entry.path().is_dir() {
                continue;
            }
            fs::copy(entry.path(), self.directory.join(&sources).join(entry.file_name())).expect("a copy");
        }
    }

    fn writes(&self, file: &str, hole: &str, code: &str) {
        let path = self.directory.join(file);
        let text = fs::read_to_string(&path).expect("the file");
        let (start, end) = (format!("// ANCHOR: {hole}\n"), format!("    // ANCHOR_END: {hole}\n"));
        let (before, rest) = text.split_once(&start).expect("the hole begins");
        let (_, after) = rest.split_once(&end).expect("the hole ends");
        fs::write(&path, [before, &start, code, "\n", &end, after].concat()).expect("the file is written");
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // What is left is removed by the next run.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn user() -> u32 {
    fs::metadata("/proc/self").map_or(0, |metadata| std::os::unix::fs::MetadataExt::uid(&metadata))
}

/// Notes, where the runner reads it, that nothing was proved.
fn report_skip() {
    if let Some(path) = std::env::var_os("WB_SKIPS") {
        let line = "stranger::a_host_name_set_too_early_is_called_that\troot\trun it as root\n";
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the file that WB_SKIPS names");
    }
}

#[test]
fn a_host_name_set_too_early_is_called_that() {
    let Some(stranger) = Stranger::begin() else { return };
    stranger.has_done("ch01-process");

    let lock = stranger.lock();
    let first = stranger.check("enter-uts");
    assert_eq!(stranger.lock(), lock, "cargo had to change what init wrote");
    assert!(first.contains("\nnot started\n"), "{first}");
    if user() != 0 {
        // Without root there is no judgement on what follows.
        return report_skip();
    }

    stranger.writes(
        UTS,
        "ex_enter_uts",
        "    sethostname(hostname).map_err(set)?;\n    unshare(CloneFlags::CLONE_NEWUTS).map_err(UtsError::Unshare)",
    );
    let second = stranger.check("enter-uts");
    assert!(second.contains("\nfailing: sethostname ran before unshare, so it renamed the host"), "{second}");
    assert!(second.contains("read:      ch00-shell, \"A name of its own\""), "{second}");

    stranger.writes(
        UTS,
        "ex_enter_uts",
        "    unshare(CloneFlags::CLONE_NEWUTS).map_err(UtsError::Unshare)?;\n    sethostname(hostname).map_err(set)",
    );
    let third = stranger.check("enter-uts");
    assert!(third.contains("\npassed ("), "{third}");
}
