//! Who is compared: mini-docker, mini-runc, and whichever of crun, runc, podman and docker this machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::bundle::{self, Defaults};
use super::daemon::Daemon;
use super::floor;
use super::load::Load;
use super::measure::{Absent, Candidate, Times, peak_memory, take_turns};
use super::private::Private;

const IMAGE: &str = "wb-peer";

/// What was built for the comparison. In the place where it runs there is no network, and so no cargo.
#[derive(Debug)]
pub(crate) struct Binaries {
    /// The directory with mini-docker and mini-runc.
    pub(crate) release: PathBuf,
    /// The program that says what docker's defaults are.
    pub(crate) defaults: PathBuf,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) rounds: usize,
    pub(crate) times: Vec<Times>,
    /// In KiB, of `mini-docker run` itself.
    pub(crate) peak: Option<u64>,
    /// Whether a container with so little memory runs `true`.
    pub(crate) runs_in_6_mib: Option<bool>,
    /// Who could not take part, and why.
    pub(crate) absent: Absent,
}

/// The same with an idle disk and with a busy one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnderLoad {
    pub(crate) rounds: usize,
    pub(crate) idle: Vec<Times>,
    pub(crate) busy: Vec<Times>,
    /// How often the writer has waited for the disk.
    pub(crate) synced: usize,
}

/// What all candidates run in, and on. What it leaves is in its directory.
struct Stage {
    private: Private,
    defaults: Defaults,
    rootfs: PathBuf,
    archive: PathBuf,
    /// With docker's seccomp profile.
    bundle: PathBuf,
    /// Without.
    bare: PathBuf,
}

impl Stage {
    fn set(binaries: &Binaries, scratch: &Path) -> Result<Self> {
        let _ = fs::remove_dir_all(scratch);
        let private = Private::enter()?;
        let place = |name: &str| scratch.join(name);
        let (rootfs, archive) = (place("rootfs"), place("rootfs.tar"));
        bundle::root_file_system(&rootfs)?;
        bundle::archive(&rootfs, &archive)?;
        let defaults = Defaults::ask(&binaries.defaults)?;
        let stage = Self { private, defaults, rootfs, archive, bundle: place("bundle"), bare: place("bare") };
        stage.defaults.write(&stage.bundle, &stage.rootfs, stage.private.group(), true)?;
        stage.defaults.write(&stage.bare, &stage.rootfs, stage.private.group(), false)?;
        Ok(stage)
    }

    fn floor(&self, scratch: &Path) -> Result<Candidate> {
        floor::candidate(scratch, &self.rootfs, &self.defaults.plan(&self.bundle))
    }
}

/// Measures ours, and the floor, without and with a writer on the same disk.
pub(crate) fn under_load(binaries: &Binaries, scratch: &Path, rounds: usize) -> Result<UnderLoad> {
    let stage = Stage::set(binaries, scratch)?;
    let mini_docker = mini_docker(&binaries.release, scratch, &stage.archive)?;
    let mut candidates: Vec<Candidate> = stage.floor(scratch).into_iter().collect();
    candidates.push(mini_docker.run("mini-docker run", &[], &["true"]));
    candidates.push(runtime("mini-runc run", &binaries.release.join("mini-runc"), &stage.bundle));
    let (idle, _) = take_turns(&candidates, rounds)?;
    let load = Load::start(scratch)?;
    let (busy, _) = take_turns(&candidates, rounds)?;
    Ok(UnderLoad { rounds, idle, busy, synced: load.synced() })
}

/// Compares them in one run, in `scratch`, and leaves nothing anywhere else.
pub(crate) fn compare(binaries: &Binaries, scratch: &Path, rounds: usize) -> Result<Comparison> {
    let stage = Stage::set(binaries, scratch)?;
    let Stage { private, archive, bundle, bare, .. } = &stage;
    let mut candidates = Vec::new();
    let mut absent = Absent::new();
    match stage.floor(scratch) {
        Ok(candidate) => candidates.push(candidate),
        Err(error) => absent.push((floor::NAME, format!("{error:#}"))),
    }
    let mini_docker = mini_docker(&binaries.release, scratch, archive)?;
    candidates.push(mini_docker.run("mini-docker run", &[], &["true"]));
    let mini_runc = binaries.release.join("mini-runc");
    candidates.push(runtime("mini-runc run", &mini_runc, bundle));
    candidates.push(runtime("mini-runc run, no seccomp", &mini_runc, bare));
    let peers = [("crun run", "crun", bundle), ("crun run, no seccomp", "crun", bare), ("runc run", "runc", bundle)];
    for (name, program, bundle) in peers {
        if is_installed(program) {
            candidates.push(runtime(name, Path::new(program), bundle));
        } else {
            absent.push((name, "not installed".to_owned()));
        }
    }
    match podman(scratch, archive, private.group()) {
        Ok(candidate) => candidates.push(candidate),
        Err(error) => absent.push(("podman run", format!("{error:#}"))),
    }
    // Dropped, and with it ended, before the private place that it works in.
    let daemon = match docker(scratch, archive, private.group()) {
        Ok((daemon, candidate)) => {
            candidates.push(candidate);
            Some(daemon)
        }
        Err(error) => {
            absent.push(("docker run", format!("{error:#}")));
            None
        }
    };
    let (times, unable) = take_turns(&candidates, rounds)?;
    absent.extend(unable);
    drop(daemon);

    let script = mini_docker.run("", &["-i"], &["sh", "-c", "echo ready; read x"]);
    let small = mini_docker.run("", &["--memory", "6m"], &["true"]);
    let small = Command::new(&small.words[0]).args(&small.words[1..]).stdin(Stdio::null()).output()?;
    Ok(Comparison {
        rounds,
        times,
        peak: peak_memory(&script.words).map_err(|error| eprintln!("peak memory: {error:#}")).ok(),
        runs_in_6_mib: Some(small.status.success()),
        absent,
    })
}

/// `mini-docker --root …`, as words.
struct MiniDocker(Vec<String>);

impl MiniDocker {
    fn run(&self, name: &'static str, flags: &[&str], command: &[&str]) -> Candidate {
        let fixed = ["run", "--rm", "--network", "none"];
        let words = fixed.iter().chain(flags).chain(&[IMAGE]).chain(command);
        Candidate {
            name,
            words: self.0.iter().cloned().chain(words.map(|word| (*word).to_owned())).collect(),
            env: vec![],
        }
    }
}

fn mini_docker(binaries: &Path, scratch: &Path, archive: &Path) -> Result<MiniDocker> {
    let root = scratch.join("mini-docker");
    let words = [binaries.join("mini-docker").display().to_string(), "--root".into(), root.display().to_string()];
    quietly(Command::new(&words[0]).args(&words[1..]).arg("import").arg(archive).arg(IMAGE))?;
    Ok(MiniDocker(words.into()))
}

/// An OCI runtime, on the bundle.
fn runtime(name: &'static str, program: &Path, bundle: &Path) -> Candidate {
    let program = program.display().to_string();
    let words = [program, "run".into(), "--bundle".into(), bundle.display().to_string(), format!("wb-{}", &name[..4])];
    Candidate { name, words: words.into(), env: Vec::new() }
}

fn podman(scratch: &Path, archive: &Path, group: &str) -> Result<Candidate> {
    if !is_installed("podman") {
        bail!("not installed");
    }
    // Podman raises limits to what the machine may not allow.
    let configuration = scratch.join("containers.conf");
    fs::write(&configuration, "[containers]\ndefault_ulimits = [\"nofile=1024:4096\", \"nproc=4096:4096\"]\n")?;
    let env = vec![("CONTAINERS_CONF", configuration.display().to_string())];
    let root = scratch.join("podman").display().to_string();
    let base = ["podman", "--root", &root, "--runroot", "/run/wb-podman", "--cgroup-manager", "cgroupfs"];
    let base: Vec<String> = base.map(str::to_owned).into();
    quietly(Command::new(&base[0]).args(&base[1..]).arg("import").arg(archive).arg(IMAGE).envs(env.clone()))?;
    let run = ["run", "--rm", "--network", "none", "--cgroup-parent", &format!("/{group}"), IMAGE, "true"];
    Ok(Candidate { name: "podman run", words: base.into_iter().chain(run.map(str::to_owned)).collect(), env })
}

fn docker(scratch: &Path, archive: &Path, group: &str) -> Result<(Daemon, Candidate)> {
    if !is_installed("dockerd") || !is_installed("docker") {
        bail!("not installed");
    }
    let daemon = Daemon::start(&scratch.join("docker"), group)?;
    let client = Daemon::client();
    quietly(Command::new(client[0]).args(&client[1..]).arg("import").arg(archive).arg(IMAGE))?;
    let run = ["run", "--rm", "--network", "none", IMAGE, "true"];
    let words = client.iter().chain(&run).map(|word| (*word).to_owned()).collect();
    Ok((daemon, Candidate { name: "docker run", words, env: Vec::new() }))
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}

/// Runs a preparation; what it says matters only if it fails.
fn quietly(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    bail!("{program}: {}: {}", output.status, text.lines().last().unwrap_or("it says nothing"))
}
