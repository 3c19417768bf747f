//! Wall-clock time of programs that take turns, and how much memory one has needed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs before anything is counted, so that files are in the page cache and caches are filled.
pub(crate) const WARM_UP: usize = 3;

/// Stands in a command line for the number of the run, so that each can have something of its own.
pub(crate) const RUN: &str = "{run}";

/// What is measured, under a name: a command line, or several one after the other.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Vec<String>>,
    pub(crate) env: Vec<(&'static str, String)>,
    /// What has to be done before each run, and does not count; it may fail.
    pub(crate) before: Vec<Vec<String>>,
}

/// What a candidate took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) name: &'static str,
    /// In ascending order.
    pub(crate) sorted: Vec<Duration>,
}

impl Times {
    /// Half of the runs were faster.
    pub(crate) fn median(&self) -> Duration {
        self.sorted.get(self.sorted.len() / 2).copied().unwrap_or_default()
    }

    /// The fastest run: what it takes when nothing disturbs.
    pub(crate) fn least(&self) -> Duration {
        self.sorted.first().copied().unwrap_or_default()
    }
}

impl Candidate {
    fn commands(&self, all: &[Vec<String>], run: usize) -> impl Iterator<Item = Command> {
        all.iter().map(move |words| {
            let mut command = Command::new(&words[0]);
            let words = words[1..].iter().map(|word| word.replace(RUN, &run.to_string()));
            command.args(words).envs(self.env.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command
        })
    }

    fn prepare(&self, run: usize) {
        for mut command in self.commands(&self.before, run) {
            let _ = command.stderr(Stdio::null()).status();
        }
    }

    /// Runs it once with an eye on what it says. The error is what it complains about.
    fn attempt(&self, run: usize) -> Result<(), String> {
        self.prepare(run);
        self.commands(&self.steps, run).try_for_each(|mut command| {
            let output = command.stderr(Stdio::piped()).output().map_err(|error| error.to_string())?;
            if output.status.success() {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&output.stderr);
            Err(format!("{}: {}", output.status, text.lines().last().unwrap_or("it says nothing")))
        })
    }

    fn time(&self, run: usize) -> Result<Duration> {
        self.prepare(run);
        let start = Instant::now();
        for mut command in self.commands(&self.steps, run) {
            let status = command.stderr(Stdio::null()).status().with_context(|| format!("run {}", self.name))?;
            if !status.success() {
                bail!("{} failed in the middle of the comparison: {status}", self.name);
            }
        }
        Ok(start.elapsed())
    }
}

/// Who cannot take part, and why.
pub(crate) type Absent = Vec<(&'static str, String)>;

/// Lets the candidates take turns. The second part names those that cannot run here.
pub(crate) fn take_turns(candidates: &[Candidate], rounds: usize) -> Result<(Vec<Times>, Absent)> {
    let (mut ready, mut unable) = (Vec::new(), Absent::new());
    for candidate in candidates {
        match (0..WARM_UP).try_for_each(|run| candidate.attempt(run)) {
            Ok(()) => ready.push((candidate, Vec::with_capacity(rounds))),
            Err(reason) => unable.push((candidate.name, reason)),
        }
    }
    for round in 0..rounds {
        for (candidate, times) in &mut ready {
            times.push(candidate.time(WARM_UP + round)?);
        }
        // So that nobody always runs after the one who leaves the most to tidy up.
        if !ready.is_empty() {
            ready.rotate_left(1);
        }
    }
    let mut times: Vec<Times> = candidates
        .iter()
        .filter_map(|candidate| {
            let (_, times) = ready.iter().find(|(other, _)| other.name == candidate.name)?;
            Some(Times { name: candidate.name, sorted: times.clone() })
        })
        .collect();
    for candidate in &mut times {
        candidate.sorted.sort();
    }
    Ok((times, unable))
}

/// The most memory that a program has had in RAM until it says `ready`, in KiB. Asked of `/proc`, while it runs: what
/// `wait4` reports also counts what the parent had at the time of the fork.
pub(crate) fn peak_memory(words: &[String]) -> Result<u64> {
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {}", words[0]))?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
    drop(child.stdin.take());
    child.wait()?;
    if line.trim() != "ready" {
        bail!("{} did not get as far as its program", words.join(" "));
    }
    high_water(&status?).context("/proc/PID/status has no VmHWM")
}

/// The most memory that a program has had in RAM until its end, in KiB, as often as `/proc` can be asked.
pub(crate) fn peak_of_all(command: &mut Command) -> Result<u64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = high_water(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or(0).max(peak);
        thread::sleep(Duration::from_millis(1));
    }
    let status = child.wait()?;
    if status.success() { Ok(peak) } else { bail!("{command:?}: {status}") }
}

fn high_water(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// Processor, how many, kernel, and where control groups are.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let processors = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cgroups = workbook::machine::layout(&read("/proc/self/mountinfo")).unwrap_or_else(|| "no".into());
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    format!("{processors} processors ({}), Linux {kernel}, cgroup {cgroups}", model.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &'static str, script: &str) -> Candidate {
        let steps = vec![["sh", "-c", script].map(str::to_owned).into()];
        Candidate { name, steps, env: Vec::new(), before: Vec::new() }
    }

    #[test]
    fn everyone_takes_as_many_turns_and_keeps_the_place() {
        let candidates = [candidate("one", "true"), candidate("two", "true")];
        let (times, unable) = take_turns(&candidates, 3).expect("both run");
        assert_eq!(times.iter().map(|one| (one.name, one.sorted.len())).collect::<Vec<_>>(), [("one", 3), ("two", 3)]);
        assert!(times.iter().all(|one| one.sorted.is_sorted()));
        assert_eq!(unable, []);
    }

    #[test]
    fn who_cannot_run_is_named_with_the_reason() {
        let (times, unable) = take_turns(&[candidate("broken", "echo no daemon >&2; exit 3")], 3).expect("an answer");
        assert_eq!(times, []);
        assert_eq!(unable, [("broken", "exit status: 3: no daemon".to_owned())]);
    }

    #[test]
    fn all_steps_count_and_none_may_fail() {
        let two = |second: &str| Candidate {
            steps: [candidate("", "true").steps, candidate("", second).steps].concat(),
            ..candidate("two", "")
        };
        assert_eq!(take_turns(&[two("true")], 2).expect("both run").1, []);
        assert_eq!(
            take_turns(&[two("exit 4")], 2).expect("an answer").1,
            [("two", "exit status: 4: it says nothing".to_owned())]
        );
    }

    #[test]
    fn memory_is_read_while_the_program_lives() {
        let words = ["sh", "-c", "echo ready; read x"].map(str::to_owned);
        assert!((100..100_000).contains(&peak_memory(&words).expect("a figure")));
    }
}
