//! The three engines of the comparison, as the words in front of every command. Each has the same image, in data of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::daemon::Daemon;
use super::measure::Candidate;

pub(super) const IMAGE: &str = "wb-peer";

/// An engine that has the image.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    base: Vec<String>,
    /// What `run` of this one also wants to be told.
    run: Vec<String>,
    env: Vec<(&'static str, String)>,
    /// Dropped, and with it ended, when nobody needs the engine any more.
    _daemon: Option<Daemon>,
}

impl Engine {
    fn with_image(self, archive: &Path) -> Result<Self> {
        quietly(self.command(&["import", &archive.display().to_string(), IMAGE]))?;
        Ok(self)
    }

    pub(super) fn mini_docker(binaries: &Path, scratch: &Path, archive: &Path) -> Result<Self> {
        let root = scratch.join("mini-docker");
        let base = [binaries.join("mini-docker").display().to_string(), "--root".into(), root.display().to_string()];
        let engine = Self { name: "mini-docker", base: base.into(), run: vec![], env: vec![], _daemon: None };
        engine.with_image(archive)
    }

    pub(super) fn podman(scratch: &Path, archive: &Path, group: &str) -> Result<Self> {
        if !is_installed("podman") {
            bail!("not installed");
        }
        // Podman raises limits to what the machine may not allow.
        let configuration = scratch.join("containers.conf");
        fs::write(&configuration, "[containers]\ndefault_ulimits = [\"nofile=1024:4096\", \"nproc=4096:4096\"]\n")?;
        let env = vec![("CONTAINERS_CONF", configuration.display().to_string())];
        let root = scratch.join("podman").display().to_string();
        let base = ["podman", "--root", &root, "--runroot", "/run/wb-podman", "--cgroup-manager", "cgroupfs"];
        let run = vec![format!("--cgroup-parent=/{group}")];
        let engine = Self { name: "podman", base: base.map(str::to_owned).into(), run, env, _daemon: None };
        engine.with_image(archive)
    }

    pub(super) fn docker(scratch: &Path, archive: &Path, group: &str) -> Result<Self> {
        if !is_installed("dockerd") || !is_installed("docker") {
            bail!("not installed");
        }
        let daemon = Daemon::start(&scratch.join("docker"), group)?;
        let base = Daemon::client().map(str::to_owned).into();
        let engine = Self { name: "docker", base, run: vec![], env: vec![], _daemon: Some(daemon) };
        engine.with_image(archive)
    }

    /// The words of any command.
    pub(super) fn words(&self, words: &[&str]) -> Vec<String> {
        self.base.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The words of a container from the image, without a network.
    pub(super) fn run_words(&self, flags: &[&str], command: &[&str]) -> Vec<String> {
        let own = self.run.iter().map(String::as_str);
        let words = ["run", "--network", "none"].into_iter().chain(own).chain(flags.iter().copied());
        self.words(&words.chain([IMAGE]).chain(command.iter().copied()).collect::<Vec<_>>())
    }

    pub(super) fn candidate(&self, name: &'static str, steps: Vec<Vec<String>>) -> Candidate {
        Candidate { name, steps, env: self.env.clone(), before: Vec::new() }
    }

    /// `run --rm`, to be measured.
    pub(super) fn run(&self, name: &'static str, flags: &[&str], command: &[&str]) -> Candidate {
        let flags: Vec<&str> = ["--rm"].iter().chain(flags).copied().collect();
        self.candidate(name, vec![self.run_words(&flags, command)])
    }

    /// A command to be done, not measured.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        self.prepared(&self.words(words))
    }

    pub(super) fn prepared(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

pub(super) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}

/// Runs a preparation; what it says matters only if it fails.
pub(super) fn quietly(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    bail!("{program}: {}: {}", output.status, text.lines().last().unwrap_or("it says nothing"))
}
