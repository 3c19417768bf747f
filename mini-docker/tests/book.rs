//! The console sessions of the book, typed and compared: every `console` block of every page.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::Docker;
use testkit::kernel_test;

/// What a page may type besides mini-docker; there is no shell between.
const TOOLS: [&str; 7] = ["cat", "echo", "hostname", "ls", "readlink", "sh", "unshare"];

/// The stages: examples of the chapters, under the names that pages use.
fn stages() -> Vec<(String, PathBuf)> {
    let examples = Path::new(env!("CARGO_BIN_EXE_mini-docker")).parent().expect("a directory").join("examples");
    let entries = fs::read_dir(examples).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|entry| Some((entry.file_name().to_str()?.to_owned(), entry.path())))
        .filter(|(name, _)| name.starts_with("stage-ch") && name.len() == "stage-ch00".len())
        .collect()
}

fn on_path(name: &str) -> PathBuf {
    let places = ["/bin", "/usr/bin", "/usr/sbin"].map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| panic!("{name} is not on this machine"))
}

/// All pages, two levels deep.
fn pages(book: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        fs::read_dir(directory).expect("the book").flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let below = |path: PathBuf| if path.is_dir() { entries(&path) } else { vec![path] };
    entries(book).into_iter().flat_map(below).filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect()
}

/// An output ends with a line break. In a page the fence follows at once, so each block gets an empty line more.
fn end_outputs(page: &str) -> String {
    let mut inside = false;
    let mut text = String::with_capacity(page.len() + 100);
    for line in page.lines() {
        if inside && line == "```" {
            text.push('\n');
        }
        inside = if inside { line != "```" } else { line.starts_with("```console") };
        text.push_str(line);
        text.push('\n');
    }
    text
}

kernel_test! {
    fn every_session_of_the_book_is_as_printed(host) {
        let docker = Docker::new(host);
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src");
        let cases = trycmd::TestCases::new();
        cases.env("MINI_DOCKER_ROOT", docker.root().display().to_string());
        cases.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        cases.env("TMPDIR", host.dir().display().to_string());
        cases.register_bin("mini-docker", Path::new(env!("CARGO_BIN_EXE_mini-docker")));
        for (name, path) in stages() {
            cases.register_bin(name, path);
        }
        for name in TOOLS {
            cases.register_bin(name, on_path(name));
        }
        let copies = host.dir().join("book");
        // Pages call the root file system that they play with `rootfs`.
        host.rootfs_named("book/rootfs");
        std::env::set_current_dir(&copies).expect("the directory of the sessions");
        for page in pages(&book) {
            let name = page.strip_prefix(&book).expect("a page of the book").display().to_string().replace('/', "-");
            let text = fs::read_to_string(&page).expect("a page");
            fs::write(copies.join(name), end_outputs(&text)).expect("a copy");
        }
        cases.case(copies.join("*.md")).run();
    }
}
