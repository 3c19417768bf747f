//! The same files, the same commands, the same list as `docker diff`. The lists were recorded from docker 20.10; only the
//! order within a directory is ours (docker's is that of a Go map).

mod common;

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Container, tree};
use layers::changes;
use rustix::fs::{XattrFlags, lsetxattr};
use testkit::{Host, Need, kernel_test, require};

/// The files that the commands find.
const IMAGE: [(&str, &str); 7] = [
    ("data/a", "1"),
    ("data/b", "2"),
    ("data/sub/c", "3"),
    ("keep/k", "4"),
    ("etc/h", "5"),
    ("bin/cp", "6"),
    ("tmp/", ""),
];

/// Runs `commands` in a shell whose directory is a container's root, and lists what has changed.
fn diff(host: &Host, commands: &str) -> Vec<String> {
    let directory = tempfile::tempdir_in(host.dir()).expect("a directory");
    let lower = tree(directory.path(), "lower", &IMAGE);
    // As in an archive: whole seconds, and long ago.
    let touched =
        Command::new("find").arg(&lower).args(["-exec", "touch", "-h", "-d", "2024-02-29", "{}", "+"]).status();
    assert!(touched.is_ok_and(|status| status.success()));
    let container = Container::new(&directory.path().join("container"), &[&lower]);
    in_shell(&container.mounted.root, commands);
    list(&container.upper.upper, &[lower])
}

fn in_shell(directory: &Path, commands: &str) {
    let done = Command::new("sh").args(["-ec", commands]).current_dir(directory).output().expect("sh");
    assert!(done.status.success(), "{commands}: {}", String::from_utf8_lossy(&done.stderr));
}

fn list(upper: &Path, lowers: &[PathBuf]) -> Vec<String> {
    let changes = changes(upper, lowers).expect("changes");
    changes.iter().map(ToString::to_string).collect()
}

/// Compares with what docker said, which may come in another order.
fn like_docker(host: &Host, commands: &str, docker: &[&str]) {
    let mut lines = docker.to_vec();
    lines.sort_by_key(|line| Path::new(&line[2..]));
    assert_eq!(diff(host, commands), lines, "{commands}");
}

kernel_test! {
    fn new_changed_and_deleted_are_told_apart(host) {
        require(Need::Overlay);
        like_docker(host, "echo n > new", &["A /new"]);
        like_docker(host, "echo n > data/new", &["C /data", "A /data/new"]);
        like_docker(host, "echo n > data/a", &["C /data", "C /data/a"]);
        like_docker(host, "rm data/a", &["C /data", "D /data/a"]);
        like_docker(host, "rm -r data", &["D /data"]);
        like_docker(host, "chmod 600 data/a", &["C /data", "C /data/a"]);
        like_docker(host, "mkdir -p p/q; touch p/q/r", &["A /p", "A /p/q", "A /p/q/r"]);
        like_docker(host, "chown 1:1 keep; touch data/a", &["C /data", "C /data/a", "C /keep"]);
    }

    fn what_comes_to_the_same_is_no_change(host) {
        require(Need::Overlay);
        like_docker(host, "touch x; rm x", &[]);
        like_docker(host, "touch data/sub", &[]);
        like_docker(host, "exec 3>>data/a", &[]);
        like_docker(host, "ln data/a data/l; rm data/l", &[]);
        like_docker(host, "rmdir tmp; mkdir tmp", &[]);
        like_docker(host, "echo x > data/sub/c", &["C /data", "C /data/sub", "C /data/sub/c"]);
        like_docker(host, "chmod 700 data", &["C /data"]);
    }

    fn a_rename_is_a_deletion_and_an_addition(host) {
        require(Need::Overlay);
        like_docker(host, "mv data/a data/z", &["C /data", "A /data/z", "D /data/a"]);
        like_docker(host, "mv data other", &["A /other", "A /other/b", "A /other/sub", "A /other/sub/c", "A /other/a", "D /data"]);
        like_docker(host, "ln data/a data/l", &["C /data", "A /data/l"]);
        like_docker(host, "ln -s x data/s; rm keep/k", &["C /data", "A /data/s", "C /keep", "D /keep/k"]);
    }

    /// An opaque directory says that everything is hidden, and not what there was.
    fn what_an_opaque_directory_hides_is_deleted(host) {
        require(Need::Overlay);
        like_docker(host, "rm -r data; mkdir data", &["C /data", "D /data/b", "D /data/sub", "D /data/a"]);
        like_docker(host, "rm -r data; mkdir data; echo 5 > data/b; echo 6 > data/new",
            &["C /data", "C /data/b", "A /data/new", "D /data/sub", "D /data/a"]);
        like_docker(host, "rm -r data; mkdir -p data/sub; echo 5 > data/sub/c; echo 6 > data/sub/new",
            &["C /data", "C /data/sub", "C /data/sub/c", "A /data/sub/new", "D /data/a", "D /data/b"]);
        like_docker(host, "rm -r data; mkdir -p data/sub/deep; touch data/sub/deep/x",
            &["C /data", "C /data/sub", "A /data/sub/deep", "A /data/sub/deep/x", "D /data/sub/c", "D /data/a", "D /data/b"]);
        like_docker(host, "rm -r data/sub; mkdir data/sub; chmod 700 data/sub", &["C /data", "C /data/sub", "D /data/sub/c"]);
        like_docker(host, "rm -r data; mkdir data; rm -r data", &["D /data"]);
    }

    fn a_file_of_another_kind_is_changed(host) {
        require(Need::Overlay);
        like_docker(host, "rm -r data; echo f > data", &["C /data"]);
        like_docker(host, "rm data/a; mkdir data/a; touch data/a/in", &["C /data", "C /data/a", "A /data/a/in"]);
        like_docker(host, "rm data/a; mkdir data/a", &["C /data", "C /data/a"]);
        like_docker(host, "rm -r data; mkdir -p data/a", &["C /data", "C /data/a", "D /data/b", "D /data/sub"]);
        like_docker(host, "rm bin/cp; ln -s busybox bin/cp", &["C /bin", "C /bin/cp"]);
        like_docker(host, "mkdir n; chmod 700 n; touch n/x; rm n/x", &["A /n"]);
    }

    /// File capabilities are what makes a program a root's program: docker looks at this one attribute, and so do we.
    fn capabilities_of_a_file_are_a_change(host) {
        require(Need::Overlay);
        let lower = tree(host.dir(), "lower", &[("ping", "program"), ("note", "text")]);
        let container = Container::new(&host.dir().join("c"), &[&lower]);
        let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let set = |name: &str, key: &str, value: &[u8]| {
            lsetxattr(container.path(name), key, value, XattrFlags::empty()).expect("lsetxattr");
        };
        set("ping", "security.capability", &capability);
        set("note", "user.note", b"not looked at");
        assert_eq!(list(&container.upper.upper, &[lower]), ["C /ping"]);
    }

    fn names_that_are_no_text_and_modes_that_keep_out(host) {
        require(Need::Overlay);
        let lower = tree(host.dir(), "lower", &[("shut/in", "")]);
        let container = Container::new(&host.dir().join("c"), &[&lower]);
        in_shell(&container.mounted.root, r#"touch "$(printf 'a\nb')"; touch "$(printf '\377')"; rm shut/in"#);
        fs::set_permissions(container.path("shut"), Permissions::from_mode(0o000)).expect("chmod");
        let changes = changes(&container.upper.upper, &[lower]).expect("changes");
        let paths: Vec<&[u8]> = changes.iter().map(|change| change.path.as_os_str().as_bytes()).collect();
        assert_eq!(paths, [&b"/a\nb"[..], b"/shut", b"/shut/in", b"/\xff"]);
    }

    fn nothing_is_nothing(host) {
        require(Need::Overlay);
        assert!(diff(host, "ls -R . >&2").is_empty());
    }
}
