//! The console sessions of the book, typed and compared: every `console` block of every page.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Docker;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use testkit::{Need, native_test, require};

/// What a page may type besides mini-docker; there is no shell between.
const TOOLS: [&str; 14] = [
    "cat", "chroot", "cp", "curl", "echo", "findmnt", "hostname", "ls", "readlink", "rm", "sed", "setpriv", "sh",
    "unshare",
];

/// Where cargo puts what it builds.
fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mini-docker")).parent().expect("a directory")
}

/// A `cargo` that knows one command, `cargo wb stage`, and builds nothing: it hands it to the runner, which takes a stage
/// that is built already, and treats it as it does a reader's.
fn stand_in(place: &Path) -> PathBuf {
    let runner = ["maintain", "workbook"].map(|name| built().join(name));
    let runner = runner.iter().find(|path| path.is_file()).expect("the runner is built (cargo build --workspace)");
    let script = format!(
        "#!/bin/sh\ncase \"$1 $2\" in 'wb stage') shift;; *) echo \"cargo $*: pages type cargo wb stage\" >&2; exit 2;; \
         esac\nexport WB_STAGES='{}/examples'\ncd '{}' && exec '{}' \"$@\"\n",
        built().display(),
        env!("CARGO_MANIFEST_DIR"),
        runner.display()
    );
    program(place.join("cargo"), &script)
}

/// The runtime, with containers of the test's own.
fn runtime(place: &Path, state: &Path) -> PathBuf {
    let script = format!("#!/bin/sh\nexec '{}' --root '{}' \"$@\"\n", env!("CARGO_BIN_EXE_mini-runc"), state.display());
    program(place.join("mini-runc"), &script)
}

fn program(path: PathBuf, script: &str) -> PathBuf {
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script");
    path
}

fn on_path(name: &str) -> PathBuf {
    let places = ["/bin", "/usr/bin", "/usr/sbin"].map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| panic!("{name} is not on this machine"))
}

/// Readers' machines have a loopback device that is up.
fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().expect("ip starts");
    assert!(status.success(), "ip {}", arguments.join(" "));
}

/// All pages, two levels deep, and the scripts that they run.
fn pages(book: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        fs::read_dir(directory).expect("the book").flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let below = |path: PathBuf| if path.is_dir() { entries(&path) } else { vec![path] };
    entries(book)
        .into_iter()
        .flat_map(below)
        .filter(|path| path.extension().is_some_and(|kind| kind == "md" || kind == "sh"))
        .collect()
}

/// A session as trycmd reads it.
///
/// An output ends with a line break. In a page the fence follows at once, so each block gets an empty line more. A command
/// that goes on behind a backslash is one line, for quotes are looked at line by line.
fn session(page: &str) -> String {
    let mut inside = false;
    let mut text = String::with_capacity(page.len() + 100);
    for line in page.lines() {
        if inside && line == "```" {
            text.push('\n');
        }
        inside = if inside { line != "```" } else { line.starts_with("```console") };
        let continued = inside && line.starts_with("> ") && text.ends_with("\\\n");
        if continued {
            text.truncate(text.len() - 2);
        }
        text.push_str(if continued { &line[2..] } else { line });
        text.push('\n');
    }
    text
}

/// Pages are typed at the same time. One that goes on with what another has left says which: `<!-- typed after index.md -->`.
fn typed_after(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.strip_prefix("<!-- typed after ")?.strip_suffix(" -->"))
}

native_test! {
    /// `BOOK_PAGES=ch03` types those pages only.
    fn every_session_of_the_book_is_as_printed(host) {
        // Of chapter 8: a registry, whom to ask it with, and who certifies its tokens.
        for program in ["docker-registry", "curl", "openssl"] {
            require(Need::Program(program, program));
        }
        ip(&["link", "set", "lo", "up"]);
        let docker = Docker::new(host);
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src");
        let cases = trycmd::TestCases::new();
        cases.env("MINI_DOCKER_ROOT", docker.root().display().to_string());
        // A shell of a session finds them too.
        let commands = host.dir().join("commands");
        fs::create_dir(&commands).expect("a directory");
        symlink(env!("CARGO_BIN_EXE_mini-docker"), commands.join("mini-docker")).expect("a link");
        cases.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", commands.display()));
        cases.env("TMPDIR", host.dir().display().to_string());
        cases.register_bin("mini-docker", Path::new(env!("CARGO_BIN_EXE_mini-docker")));
        cases.register_bin("mini-runc", runtime(&commands, &host.dir().join("state")));
        cases.register_bin("cargo", stand_in(&commands));
        for name in TOOLS {
            cases.register_bin(name, on_path(name));
        }
        let copies = host.dir().join("book");
        fs::create_dir(&copies).expect("a directory");
        std::env::set_current_dir(&copies).expect("the directory of the sessions");
        let mut sessions: BTreeMap<PathBuf, String> = BTreeMap::new();
        for page in pages(&book) {
            if page.extension().is_some_and(|kind| kind == "sh") {
                let copy = copies.join(page.file_name().expect("a script has a name"));
                fs::copy(&page, copy).expect("a copy of a script");
                continue;
            }
            let text = fs::read_to_string(&page).expect("a page");
            let first = typed_after(&text).map_or(page.clone(), |first| page.with_file_name(first));
            let of_both = sessions.entry(first.clone()).or_default();
            // Pages are found in no order.
            of_both.insert_str(if first == page { 0 } else { of_both.len() }, &session(&text));
        }
        for (page, text) in sessions {
            let name = page.strip_prefix(&book).expect("a page of the book").display().to_string().replace('/', "-");
            fs::write(copies.join(name), text).expect("a copy");
        }
        let wanted = std::env::var("BOOK_PAGES").unwrap_or_default();
        let pattern = if wanted.is_empty() { "*.md".into() } else { format!("*{wanted}*.md") };
        cases.case(copies.join(pattern)).run();
        drop(cases);
        // We are PID 1 of this host: containers that a page has made and deleted are orphans of ours.
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive) {}
    }
}
