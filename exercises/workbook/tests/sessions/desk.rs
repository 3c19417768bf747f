//! Sessions at a command line: what is typed, what is printed, how it ended; in a workbook in miniature.

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy of the fixture as the original, and room for a learner's directory beside it.
pub(crate) struct Desk {
    room: tempfile::TempDir,
    here: PathBuf,
    said: String,
    /// Who types, if not we.
    user: Option<User>,
}

struct User {
    id: u32,
    programs: PathBuf,
}

impl Desk {
    /// In the original.
    pub(crate) fn new() -> Self {
        let room = tempfile::tempdir().expect("a temporary directory");
        let here = room.path().join("origin");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture"), &here);
        Self { room, here, said: String::new(), user: None }
    }

    /// In a fresh learner's directory.
    pub(crate) fn learner() -> Self {
        let mut desk = Self::new();
        let status = desk.command(&["init", "../mine"]).output().expect("the runner starts").status;
        assert!(status.success(), "init: {status}");
        desk.here = desk.room.path().join("mine");
        desk
    }

    /// From now on this user types, to whom all of it belongs. With programs from another place than ours, where only root
    /// may look.
    pub(crate) fn sit_down(&mut self, user: u32, programs: &Path) -> &mut Self {
        lchown(self.room.path(), Some(user), Some(user)).expect("an owner");
        for_all_below(self.room.path(), &mut |path| lchown(path, Some(user), Some(user)).expect("an owner"));
        self.user = Some(User { id: user, programs: programs.to_owned() });
        self
    }

    /// As `sudo` would do it.
    pub(crate) fn wb_as_root(&mut self, line: &str) -> &mut Self {
        let user = self.user.take();
        self.said += "as root:\n";
        self.wb(line);
        self.user = user;
        self
    }

    /// What in the learner's directory belongs to another than this user.
    pub(crate) fn not_of(&self, user: u32) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for_all_below(&self.here, &mut |path| {
            if fs::symlink_metadata(path).is_ok_and(|file| file.uid() != user) {
                found.push(path.to_owned());
            }
        });
        found
    }

    /// Goes to a directory beside the original.
    pub(crate) fn enter(&mut self, directory: &str) -> &mut Self {
        self.here = self.room.path().join(directory);
        self
    }

    /// Types a command.
    pub(crate) fn wb(&mut self, line: &str) -> &mut Self {
        self.wb_in(&[], line)
    }

    /// Types a command, with something in its environment.
    pub(crate) fn wb_in(&mut self, environment: &[(&str, &str)], line: &str) -> &mut Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = self.command(&words).envs(environment.iter().copied()).output().expect("the runner starts");
        self.said += "$ ";
        for (name, value) in environment {
            let _ = write!(self.said, "{name}={value} ");
        }
        let _ = writeln!(self.said, "cargo wb {line}");
        self.said += &String::from_utf8_lossy(&output.stdout);
        self.said += &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let _ = writeln!(self.said, "[{}]", output.status);
        }
        self.said.push('\n');
        self
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = match &self.user {
            None => Command::new(env!("CARGO_BIN_EXE_workbook")),
            Some(user) => user.command(self.room.path()),
        };
        command
            .args(words)
            .current_dir(&self.here)
            .stdin(Stdio::null())
            .env("COLUMNS", "100")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("FIXTURE_LACKS");
        command
    }

    /// Changes a file as an editor would.
    pub(crate) fn edit(&mut self, file: &str, from: &str, to: &str) -> &mut Self {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}:\n{text}");
        self.write(file, &text.replacen(from, to, 1))
    }

    /// Writes a whole hole, between its markers.
    pub(crate) fn fill(&mut self, file: &str, hole: &str, code: &str) -> &mut Self {
        let text = self.read(file);
        let (start, end) = (format!("// ANCHOR: {hole}\n"), format!("    // ANCHOR_END: {hole}\n"));
        let (before, rest) = text.split_once(&start).expect("the hole begins");
        let (_, after) = rest.split_once(&end).expect("the hole ends");
        self.write(file, &[before, &start, "    ", code, "\n", &end, after].concat())
    }

    pub(crate) fn write(&mut self, file: &str, text: &str) -> &mut Self {
        let path = self.here.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file is written");
        self
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.here.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.here.join(file)
    }

    /// Puts a file's text into the session.
    pub(crate) fn show(&mut self, file: &str) -> &mut Self {
        let text = self.read(file);
        let _ = writeln!(self.said, "$ cat {file}\n{text}");
        self
    }

    /// Puts a page into the session as mdbook gets it: it hands over all pages, and takes them back.
    pub(crate) fn page(&mut self, name: &str) -> &mut Self {
        let text = self.read(&format!("book/src/{name}"));
        let chapter = serde_json::json!({ "Chapter": { "content": text, "source_path": name, "sub_items": [] } });
        let book = serde_json::json!([{ "config": { "book": { "src": "src" } } }, { "items": ["Separator", chapter] }]);
        let mut child =
            self.command(&["book-pages"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(book.to_string().as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let _ = writeln!(self.said, "$ # {name}");
        match serde_json::from_slice::<serde_json::Value>(&output.stdout) {
            Ok(book) => {
                let page = book.pointer("/items/1/Chapter/content").and_then(serde_json::Value::as_str);
                self.said += page.expect("the page comes back");
            }
            Err(_) => writeln!(self.said, "[{}]", output.status).expect("a text grows"),
        }
        self.said.push('\n');
        self
    }

    /// The session so far, without what differs from run to run.
    fn session(&mut self) -> String {
        let room = self.room.path().canonicalize().expect("the directory is there");
        let said = std::mem::take(&mut self.said);
        said.replace(&room.display().to_string(), "[ROOM]").replace(&self.room.path().display().to_string(), "[ROOM]")
    }
}

impl User {
    fn command(&self, home: &Path) -> Command {
        let mut path = self.programs.join("bin").into_os_string();
        path.push(":/usr/bin:/bin");
        let mut command = Command::new(self.programs.join("bin/workbook"));
        command.uid(self.id).gid(self.id).env("PATH", path).env("CARGO", self.programs.join("bin/cargo"));
        command.env("HOME", home).env_remove("CARGO_HOME");
        command
    }
}

/// Compares the session so far.
pub(crate) fn snapshot(name: &str, desk: &mut Desk) {
    let session = desk.session();
    settings().bind(|| insta::assert_snapshot!(name, session));
}

/// Dates, times and thread numbers differ from run to run.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d", "[DATE]");
    settings.add_filter(r"\d+\.\d s", "[TIME]");
    settings.add_filter(r"PID \d+", "PID [PID]");
    settings.add_filter(r"' \(\d+\) panicked", "' ([THREAD]) panicked");
    settings
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("the fixture") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("the fixture");
        if path.is_dir() && name != "target" {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            fs::copy(&path, to.join(name)).expect("a file is copied");
        }
    }
}

fn for_all_below(directory: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        each(&entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            for_all_below(&entry.path(), each);
        }
    }
}
