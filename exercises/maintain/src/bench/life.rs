//! The rest of a container's life beside the peers: a program more in it, in the background and away again, many at once,
//! many that have ended, what it prints; and what its shim costs while nothing happens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::bundle::Bundle;
use super::engines::{Engine, quietly};
use super::measure::{Absent, Candidate, Times, take_turns};
use super::peers::{Binaries, Stage};

/// How many of ours start at the same time, and how many that have ended are kept.
const AT_ONCE: usize = 200;
/// Fewer of those that take longer: the figure is per second.
const OTHERS_AT_ONCE: usize = 40;
const KEPT: usize = 1000;
const SHIMS: usize = 50;
const LINES: usize = 300_000;
/// A program that waits for ever.
const WAIT: [&str; 2] = ["sleep", "1000000"];

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Life {
    pub(crate) rounds: usize,
    pub(crate) times: Vec<Times>,
    /// `run --rm` per second, when many are started at once: by engine.
    pub(crate) at_once: Vec<(&'static str, f64)>,
    /// Lines of 100 bytes per second, into the log and to the client.
    pub(crate) lines: Vec<(&'static str, f64)>,
    pub(crate) shim: Shim,
    pub(crate) absent: Absent,
}

/// What a shim costs whose container waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shim {
    /// In KiB: its own memory, and its share of what it shares. Of all the mean.
    pub(crate) pss: f64,
    /// How often all of them together were put on a processor in a second.
    pub(crate) wakes: f64,
}

/// Measures in `scratch`, and leaves nothing anywhere else.
pub(crate) fn measure(binaries: &Binaries, scratch: &Path, rounds: usize) -> Result<Life> {
    let stage = Stage::set(binaries, scratch)?;
    let (archive, group) = (stage.archive(), stage.group());
    let ours = Engine::mini_docker(&binaries.release, scratch, archive)?;
    let mut absent = Absent::new();
    let mut engines = Vec::new();
    for (name, engine) in
        [("podman", Engine::podman(scratch, archive, group)), ("docker", Engine::docker(scratch, archive, group))]
    {
        engine.map_or_else(|error| absent.push((name, format!("{error:#}"))), |engine| engines.push(engine));
    }

    let shim = shims(&ours)?;
    let alone = ours.run("run --rm", &[], &["true"]);
    let (mut times, _) = take_turns(&[alone], rounds)?;
    let crun = Waiting::crun(&stage, scratch);
    let waiting = waiting(&ours, &engines)?;
    let mut candidates = vec![
        exec(&ours, "mini-docker exec", "wb-wait"),
        exec(&ours, "mini-docker exec, no seccomp", "wb-bare"),
        background(&ours, "mini-docker run -d, rm -f"),
    ];
    match &crun {
        Ok(crun) => candidates.extend(crun.candidates()),
        Err(error) => absent.push(("crun exec", format!("{error:#}"))),
    }
    for engine in &engines {
        let names = if engine.name == "docker" {
            ["docker exec", "docker run -d, rm -f"]
        } else {
            ["podman exec", "podman run -d, rm -f"]
        };
        candidates.extend([exec(engine, names[0], "wb-wait"), background(engine, names[1])]);
    }
    let (more, unable) = take_turns(&candidates, rounds)?;
    times.extend(more);
    absent.extend(unable);
    drop((waiting, crun));

    let all = || [&ours].into_iter().chain(&engines);
    let at_once = all().map(|engine| Ok((engine.name, together(engine)?))).collect::<Result<_>>()?;
    let lines = all().map(|engine| Ok((engine.name, print(engine)?))).collect::<Result<_>>()?;
    for _ in 0..KEPT {
        quietly(ours.command(&["create", "--network", "none", super::engines::IMAGE, "true"]))?;
    }
    let beside = [
        ours.candidate("ps -a with 1000 that have ended", vec![ours.words(&["ps", "-a"])]),
        ours.run("run --rm beside 1000 that have ended", &[], &["true"]),
    ];
    times.extend(take_turns(&beside, rounds)?.0);
    Ok(Life { rounds, times, at_once, lines, shim, absent })
}

fn exec(engine: &Engine, name: &'static str, container: &str) -> Candidate {
    engine.candidate(name, vec![engine.words(&["exec", container, "true"])])
}

/// Into the background, and away with it.
fn background(engine: &Engine, name: &'static str) -> Candidate {
    let start = engine.run_words(&["-d", "--name", "wb-life"], &WAIT);
    // Podman waits for ten seconds otherwise: its program is process 1, which knows no SIGTERM.
    let wait = ["-t", "0"].into_iter().filter(|_| engine.name == "podman");
    let remove: Vec<&str> = ["rm", "-f"].into_iter().chain(wait).chain(["wb-life"]).collect();
    engine.candidate(name, vec![start, engine.words(&remove)])
}

/// Containers that wait for an `exec`, and are removed when this is dropped.
struct Waiting(Vec<Command>);

impl Drop for Waiting {
    fn drop(&mut self) {
        for command in &mut self.0 {
            let _ = command.stdin(Stdio::null()).output();
        }
    }
}

fn waiting(ours: &Engine, others: &[Engine]) -> Result<Waiting> {
    let mut waiting = Waiting(Vec::new());
    let bare = (ours, vec!["-d", "--name", "wb-bare", "--security-opt", "seccomp=unconfined"]);
    let all = [ours].into_iter().chain(others).map(|engine| (engine, vec!["-d", "--name", "wb-wait"]));
    for (engine, flags) in all.chain([bare]) {
        quietly(engine.prepared(&engine.run_words(&flags, &WAIT)))?;
        waiting.0.push(engine.command(&["rm", "-f", flags[2]]));
    }
    Ok(waiting)
}

/// crun's, with docker's seccomp profile and without.
const CRUN: [(&str, &str); 2] = [("wb-crun", "crun exec"), ("wb-crun-bare", "crun exec, no seccomp")];

impl Waiting {
    fn crun(stage: &Stage, scratch: &Path) -> Result<Self> {
        let mut waiting = Self(Vec::new());
        for ((id, _), seccomp) in CRUN.into_iter().zip([true, false]) {
            let place = scratch.join(id);
            stage.write(&Bundle { place: &place, name: id, args: &WAIT, seccomp })?;
            let mut run = Command::new("crun");
            run.args(["run", "--detach", "--bundle"]).arg(&place).arg(id).stdout(Stdio::null()).stderr(Stdio::null());
            // Its program keeps the streams: with pipes, their end would never come.
            ensure!(run.stdin(Stdio::null()).status().context("run crun")?.success(), "crun starts no container");
            let mut delete = Command::new("crun");
            delete.args(["delete", "--force", id]);
            waiting.0.push(delete);
        }
        Ok(waiting)
    }

    #[expect(clippy::unused_self, reason = "as long as they wait, they can be measured")]
    fn candidates(&self) -> impl Iterator<Item = Candidate> {
        CRUN.into_iter().map(|(id, name)| Candidate {
            name,
            steps: vec![["crun", "exec", id, "true"].map(str::to_owned).into()],
            env: vec![],
            before: vec![],
        })
    }
}

/// How many containers come and go in a second, when they are all started at once.
fn together(engine: &Engine) -> Result<f64> {
    let count = if engine.name == "mini-docker" { AT_ONCE } else { OTHERS_AT_ONCE };
    let words = engine.run_words(&["--rm"], &["true"]);
    let start = Instant::now();
    let children: Vec<Child> = (0..count)
        .map(|_| engine.prepared(&words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn())
        .collect::<Result<_, _>>()?;
    for mut child in children {
        let status = child.wait()?;
        ensure!(status.success(), "one of {count} {} run failed: {status}", engine.name);
    }
    Ok(per_second(count, start.elapsed()))
}

/// How many lines arrive in a second. All of them must.
fn print(engine: &Engine) -> Result<f64> {
    let script = format!("yes {} | head -n {LINES}", "x".repeat(99));
    let start = Instant::now();
    let mut child = engine
        .prepared(&engine.run_words(&["--rm"], &["sh", "-c", &script]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdout = BufReader::with_capacity(1 << 20, child.stdout.take().context("its output")?);
    let mut seen = 0;
    loop {
        let portion = stdout.fill_buf()?;
        if portion.is_empty() {
            break;
        }
        seen += portion.len();
        let length = portion.len();
        stdout.consume(length);
    }
    let status = child.wait()?;
    if !status.success() || seen != LINES * 100 {
        bail!("{}: {seen} of {} bytes arrived, {status}", engine.name, LINES * 100);
    }
    Ok(per_second(LINES, start.elapsed()))
}

fn shims(engine: &Engine) -> Result<Shim> {
    let mut ids = Vec::new();
    for _ in 0..SHIMS {
        let output = engine.prepared(&engine.run_words(&["-d"], &WAIT)).output()?;
        ensure!(output.status.success(), "run -d: {}", output.status);
        ids.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let output = engine.command(&[&["inspect", "-f", "{{.State.Pid}}"], ids.as_slice()].concat()).output()?;
    let pids: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|pid| number(&format!("/proc/{pid}/status"), "PPid:").map(|shim| shim.to_string()))
        .collect::<Result<_>>()?;
    ensure!(pids.len() == SHIMS, "{} of {SHIMS} shims are there", pids.len());
    let sum = |file: &str, field: &str| -> Result<u64> {
        pids.iter().map(|pid| number(&format!("/proc/{pid}/{file}"), field)).sum()
    };
    let pss = sum("smaps_rollup", "Pss:")?;
    let switches = || sum("status", "voluntary_ctxt_switches:");
    let (before, start) = (switches()?, Instant::now());
    thread::sleep(Duration::from_secs(2));
    let woken = switches()? - before;
    let wakes = per_second(usize::try_from(woken)?, start.elapsed());
    quietly(engine.command(&[&["rm", "-f"], ids.as_slice()].concat()))?;
    #[expect(clippy::cast_precision_loss, reason = "KiB of a few processes are far below 2^52")]
    let pss = pss as f64 / SHIMS as f64;
    Ok(Shim { pss, wakes })
}

/// A number from a file of `/proc` that has one field in a line.
fn number(path: &str, field: &str) -> Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("{path} has no {field}"))
}

#[expect(clippy::cast_precision_loss, reason = "counts of containers and lines are far below 2^52")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
