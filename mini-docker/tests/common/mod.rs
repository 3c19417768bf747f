//! The binary, with a data root of its own, on a throw-away host.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use testkit::{Host, Need, require};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_mini-docker");

/// The static release binary, where `cargo wb try` and `cargo wb test` leave it.
pub(crate) fn static_binary() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/x86_64-unknown-linux-gnu/release/mini-docker")
}

/// mini-docker with a busybox image.
pub(crate) struct Docker {
    binary: &'static str,
    root: PathBuf,
}

impl Docker {
    /// On `host`; without a static busybox the test is skipped.
    pub(crate) fn new(host: &Host) -> Self {
        require(Need::Busybox);
        require(Need::Overlay);
        let docker = Self { binary: BINARY, root: host.dir().join("data") };
        docker.ok(&["image", "bootstrap", "busybox"]);
        docker
    }

    /// Another binary, with the same images.
    pub(crate) fn with(self, binary: &'static str) -> Self {
        Self { binary, ..self }
    }

    /// Without any image.
    pub(crate) fn at(root: &std::path::Path) -> Self {
        Self { binary: BINARY, root: root.into() }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.binary);
        command.arg("--root").arg(&self.root).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// Runs it, and says what it said.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.command().args(arguments).stdin(Stdio::null()).output().expect("mini-docker starts").into()
    }

    /// Standard output of a run that must work.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "mini-docker {}: {}", arguments.join(" "), said.stderr);
        said.stdout
    }

    /// What stands in the data root besides images: nothing, after every command that makes containers with `--rm`. Shims that
    /// are still at work, and what is being removed, are waited for: whoever is alive for a directory holds it locked.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        for held in ["run/containers", "run/tmp", "tmp"] {
            for entry in std::fs::read_dir(self.root.join(held)).into_iter().flatten().flatten() {
                if let Ok(directory) = std::fs::File::open(entry.path()) {
                    directory.lock().expect("a lock");
                }
            }
        }
        ["containers", "names", "run/containers", "run/tmp", "tmp"]
            .iter()
            .filter_map(|directory| std::fs::read_dir(self.root.join(directory)).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path().display().to_string()))
            .collect()
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        &self.root
    }
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// Standard error and the exit status, for snapshots.
    pub(crate) fn complaint(&self) -> String {
        format!("{}exit {}", self.stderr, self.code.map_or("by signal".into(), |code| code.to_string()))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }
}
