//! Who is compared: mini-docker, mini-runc, and whichever of crun, runc, podman and docker this machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Result;

use super::bundle::{self, Bundle, Defaults};
use super::engines::{Engine, is_installed};
use super::floor;
use super::load::Load;
use super::measure::{Absent, Candidate, Times, peak_memory, take_turns};
use super::private::Private;

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
pub(super) struct Stage {
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
    pub(super) fn set(binaries: &Binaries, scratch: &Path) -> Result<Self> {
        let _ = fs::remove_dir_all(scratch);
        let private = Private::enter()?;
        let place = |name: &str| scratch.join(name);
        let (rootfs, archive) = (place("rootfs"), place("rootfs.tar"));
        bundle::root_file_system(&rootfs)?;
        bundle::archive(&rootfs, &archive)?;
        let defaults = Defaults::ask(&binaries.defaults)?;
        let stage = Self { private, defaults, rootfs, archive, bundle: place("bundle"), bare: place("bare") };
        for (place, seccomp) in [(&stage.bundle, true), (&stage.bare, false)] {
            stage.write(&Bundle { place, name: "bundle", args: &["true"], seccomp })?;
        }
        Ok(stage)
    }

    /// A bundle on the root file system that all share.
    pub(super) fn write(&self, bundle: &Bundle<'_>) -> Result<()> {
        self.defaults.write(bundle, &self.rootfs, self.private.group())
    }

    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    pub(super) fn group(&self) -> &str {
        self.private.group()
    }

    fn floor(&self, scratch: &Path) -> Result<Candidate> {
        floor::candidate(scratch, &self.rootfs, &self.defaults.plan(&self.bundle))
    }
}

/// Measures ours, and the floor, without and with a writer on the same disk.
pub(crate) fn under_load(binaries: &Binaries, scratch: &Path, rounds: usize) -> Result<UnderLoad> {
    let stage = Stage::set(binaries, scratch)?;
    let mini_docker = Engine::mini_docker(&binaries.release, scratch, &stage.archive)?;
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
    let mini_docker = Engine::mini_docker(&binaries.release, scratch, archive)?;
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
    // Dropped, and with them the daemon, before the private place that it works in.
    let mut others = Vec::new();
    for (name, engine) in [
        ("podman run", Engine::podman(scratch, archive, private.group())),
        ("docker run", Engine::docker(scratch, archive, private.group())),
    ] {
        match engine {
            Ok(engine) => {
                candidates.push(engine.run(name, &[], &["true"]));
                others.push(engine);
            }
            Err(error) => absent.push((name, format!("{error:#}"))),
        }
    }
    let (times, unable) = take_turns(&candidates, rounds)?;
    absent.extend(unable);
    drop(others);

    let script = mini_docker.run("", &["-i"], &["sh", "-c", "echo ready; read x"]);
    let small = mini_docker.run("", &["--memory", "6m"], &["true"]);
    let small = mini_docker.prepared(&small.steps[0]).stdin(Stdio::null()).output()?;
    Ok(Comparison {
        rounds,
        times,
        peak: peak_memory(&script.steps[0]).map_err(|error| eprintln!("peak memory: {error:#}")).ok(),
        runs_in_6_mib: Some(small.status.success()),
        absent,
    })
}

/// An OCI runtime, on the bundle.
fn runtime(name: &'static str, program: &Path, bundle: &Path) -> Candidate {
    let program = program.display().to_string();
    let words = [program, "run".into(), "--bundle".into(), bundle.display().to_string(), format!("wb-{}", &name[..4])];
    Candidate { name, steps: vec![words.into()], env: Vec::new(), before: Vec::new() }
}
