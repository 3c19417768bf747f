//! Judging an exercise: build its tests, run them, say what came out.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::build::{self, Binary, Built, CompilerError};
use crate::catalogue::Catalogue;
use crate::exercise::{Exercise, Tests};
use crate::fill;
use crate::hole;
use crate::outcome::{Broken, Hang, Outcome, Skip};
use crate::panics;
use crate::running::{End, Patience, Running};
use crate::transcript::Transcript;
use crate::workspace::Workspace;

/// When a test will not end any more: a wait without end is a common mistake, and nobody should have to wait with it.
const PATIENCE: Patience = Patience { still: Duration::from_secs(5), busy: 20 };
/// The same for the test kit, in seconds, unless this variable says otherwise. It is there for who runs tests without us.
const KIT_LIMIT: (&str, &str) = ("TESTKIT_SECONDS", "300");
/// More than a test has to say; an endless loop that prints says no more after it than before.
const LONGEST_OUTPUT: u64 = 4 << 20;

/// How many runs there were: each has files of its own, for several may go on at once.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Judges exercises in one workspace.
pub(crate) struct Judge<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) catalogue: &'a Catalogue,
    /// Where cargo builds, if not in the workspace's own `target`.
    pub(crate) target_dir: Option<PathBuf>,
    /// What can be ended from outside.
    pub(crate) running: Running,
    /// Gets a word about what goes on, for a status line.
    pub(crate) progress: &'a (dyn Fn(&str) + Sync),
}

/// One run of a test binary.
struct Ran {
    text: String,
    /// The tests that were to run, in the order of the exercise.
    selected: Vec<String>,
    skips: Vec<Skip>,
    end: End,
}

impl Ran {
    fn is_good(&self) -> bool {
        matches!(self.end, End::Exited(status) if status.success()) && Transcript::read(&self.text).finished()
    }
}

impl Judge<'_> {
    /// Judges by what the tests say, and nothing else.
    pub(crate) fn judge(&self, exercise: &Exercise) -> Outcome {
        self.build(exercise).map_or_else(|outcome| *outcome, |binaries| self.run(exercise, &binaries, &[]))
    }

    /// Builds the tests of an exercise, or says why that is not possible.
    pub(crate) fn build(&self, exercise: &Exercise) -> Result<Vec<Binary>, Box<Outcome>> {
        match self.try_build(exercise) {
            _ if self.running.is_cancelled() => Err(Outcome::Cancelled.into()),
            Ok(Ok(binaries)) => Ok(binaries),
            Ok(Err(errors)) => Err(self.compile_errors(&errors).into()),
            Err(broken) => Err(Outcome::Broken(broken).into()),
        }
    }

    /// Builds the tests of an exercise, and gives back the compiler's errors as they are.
    pub(crate) fn try_build(&self, exercise: &Exercise) -> Result<Result<Vec<Binary>, Vec<CompilerError>>, Broken> {
        let mut binaries = Vec::new();
        let target_dir = self.target_dir.clone().unwrap_or_else(|| self.workspace.root().join("target"));
        for tests in &exercise.tests {
            let names = (tests.package.as_str(), tests.target.as_str());
            (self.progress)(&format!("building the tests of {}", tests.package));
            match build::build(self.workspace.root(), &target_dir, names, &self.running, self.progress) {
                Built::Test(binary) => binaries.push(binary),
                Built::Errors(errors) => return Ok(Err(errors)),
                Built::Broken(broken) => return Err(broken),
            }
        }
        Ok(Ok(binaries))
    }

    /// Runs the tests of an exercise, with something in their environment, and judges by what they say.
    pub(crate) fn run(&self, exercise: &Exercise, binaries: &[Binary], environment: &[(&str, &str)]) -> Outcome {
        let mut runs = Vec::new();
        for (tests, binary) in exercise.tests.iter().zip(binaries) {
            (self.progress)(&format!("running the tests of {}", exercise.id));
            match self.run_one(exercise, tests, binary, environment) {
                _ if self.running.is_cancelled() => return Outcome::Cancelled,
                Ok(ran) => runs.push(ran),
                Err(broken) => return Outcome::Broken(broken),
            }
        }
        self.weigh(exercise, runs)
    }

    fn weigh(&self, exercise: &Exercise, runs: Vec<Ran>) -> Outcome {
        if let Some(bad) = runs.iter().find(|ran| !ran.is_good()) {
            let reached =
                |exercise: &&Exercise| runs.iter().any(|ran| Transcript::read(&ran.text).reached_todo(&exercise.id));
            if reached(&exercise) {
                return Outcome::NotStarted;
            }
            let below = self.catalogue.below(exercise);
            if let Some(other) = below.iter().copied().find(|other| reached(other)) {
                return Outcome::Blocked { by: other.id.clone(), because: None };
            }
            if let Some(other) = self.catalogue.iter().find(reached) {
                return Outcome::Strayed { into: other.id.clone() };
            }
            let transcript = Transcript::read(&bad.text);
            return match &bad.end {
                End::Hung(hang) => {
                    // Which test it was, the kit says; of other tests, what is left.
                    let unfinished = || Some(transcript.unfinished(&bad.selected).join(", "));
                    let test = hang.test.clone().or_else(unfinished).filter(|test| !test.is_empty());
                    Outcome::Hangs(Hang { test, ..hang.clone() })
                }
                End::Exited(status) => {
                    let end = || panics::ended_program(status.code(), status.signal());
                    Outcome::Failing(transcript.failure(&bad.selected, end))
                }
            };
        }
        let tests: usize = runs.iter().map(|ran| ran.selected.len()).sum();
        let skips: Vec<Skip> = runs.into_iter().flat_map(|ran| ran.skips).collect();
        let skipped: BTreeSet<&str> = skips.iter().map(|skip| skip.test.as_str()).collect();
        match skipped.len() {
            0 => Outcome::Passed { tests },
            some => Outcome::Skipped { ran: tests.saturating_sub(some), skips },
        }
    }

    fn run_one(
        &self,
        exercise: &Exercise,
        tests: &Tests,
        binary: &Binary,
        environment: &[(&str, &str)],
    ) -> Result<Ran, Broken> {
        let selected = select(&list(binary)?, &tests.filter).map_err(|filter| {
            let what = format!("exercises/{}/exercise.toml: filter: no test is called {filter}", exercise.id);
            Broken::new(what, Some("get the tests back as they were: git checkout -- chapters exercises"), "")
        })?;
        let scratch = self.workspace.scratch();
        let unwritable = |error: io::Error| Broken::new(format!("write in {}: {error}", scratch.display()), None, "");
        fs::create_dir_all(&scratch).map_err(unwritable)?;
        let run = format!("{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let output = scratch.join(format!("output-{run}"));
        let skips = scratch.join(format!("skips-{run}"));
        // A file and no pipe: a process that a wrong answer left behind would keep a pipe open.
        let sink = File::create(&output).map_err(unwritable)?;
        File::create(&skips).map_err(unwritable)?;
        let mut command = self.command(binary);
        command.arg("--exact").args(&selected).env("WB_SKIPS", &skips).stdin(Stdio::null());
        command.envs(environment.iter().copied());
        command.stdout(sink.try_clone().map_err(unwritable)?).stderr(sink);
        let child = command.spawn().map_err(|error| cannot_run(binary, &error))?;
        let news = || fs::metadata(&output).map_or(0, |file| file.len());
        let end = self.running.wait(child, PATIENCE, &news).map_err(|error| cannot_run(binary, &error))?;
        let mut text = Vec::new();
        File::open(&output).and_then(|file| file.take(LONGEST_OUTPUT).read_to_end(&mut text)).map_err(unwritable)?;
        let skipped = fs::read_to_string(&skips).map_err(unwritable)?;
        for path in [&output, &skips] {
            // The next run writes over it anyway.
            let _ = fs::remove_file(path);
        }
        Ok(Ran { text: String::from_utf8_lossy(&text).into_owned(), selected, skips: parse_skips(&skipped), end })
    }

    /// The binary, started as cargo would start it.
    fn command(&self, binary: &Binary) -> Command {
        let mut command = Command::new(&binary.path);
        command.current_dir(&binary.package_dir).env("CARGO_MANIFEST_DIR", &binary.package_dir);
        command.env("CARGO", build::cargo()).env("INSTA_WORKSPACE_ROOT", self.workspace.root());
        if env::var_os(KIT_LIMIT.0).is_none() {
            command.env(KIT_LIMIT.0, KIT_LIMIT.1);
        }
        command.env("INSTA_UPDATE", "no").env("NO_COLOR", "1").env("RUST_BACKTRACE", "0");
        command
    }

    /// Errors in a file with a hole are the learner's; elsewhere they are not, unless the learner changed more than
    /// the holes.
    fn compile_errors(&self, errors: &[CompilerError]) -> Outcome {
        let rendered: String = errors.iter().map(|error| error.rendered.as_str()).collect();
        let with_holes = fill::files(self.catalogue);
        let mut named = errors.iter().flat_map(|error| &error.files);
        if named.clone().any(|file| with_holes.contains(file.as_path())) {
            return Outcome::DoesNotCompile { errors: rendered, note: None };
        }
        let altered: Vec<String> =
            with_holes.into_iter().filter(|file| self.altered(file)).map(|file| file.display().to_string()).collect();
        if !altered.is_empty() {
            let note = format!("changed outside of its holes, which others rely on: {}", altered.join(", "));
            return Outcome::DoesNotCompile { errors: rendered, note: Some(note) };
        }
        let file = named.next().map(|file| file.display().to_string()).unwrap_or_default();
        let what = format!("{file} does not compile, and no exercise is in it");
        Outcome::Broken(Broken::new(what, Some(&format!("get it back as it was: git checkout -- {file}")), rendered))
    }

    /// Whether a file differs from the original in more than its holes.
    fn altered(&self, file: &Path) -> bool {
        let frame = |text: String| {
            let mut holes = self.catalogue.iter().filter(|exercise| exercise.file == file);
            let empty = |text: String, exercise: &Exercise| hole::replace(&text, &exercise.hole, "").ok();
            holes.try_fold(text, empty)
        };
        let now = self.workspace.source(file).ok().and_then(frame);
        now.is_none() || now != self.workspace.pristine(file).ok().and_then(frame)
    }
}

/// All tests of a binary.
fn list(binary: &Binary) -> Result<Vec<String>, Broken> {
    let output = Command::new(&binary.path)
        .args(["--list", "--format", "terse"])
        .current_dir(&binary.package_dir)
        .output()
        .map_err(|error| cannot_run(binary, &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// The tests that `filter` names, by their whole path or its end; nothing names all. Fails with a name that is none.
fn select(all: &[String], filter: &[String]) -> Result<Vec<String>, String> {
    if filter.is_empty() {
        return Ok(all.to_vec());
    }
    let mut selected = Vec::new();
    for name in filter {
        let end = format!("::{name}");
        let named: Vec<&String> = all.iter().filter(|test| *test == name || test.ends_with(&end)).collect();
        if named.is_empty() {
            return Err(name.clone());
        }
        selected.extend(named.into_iter().cloned());
    }
    Ok(selected)
}

fn parse_skips(text: &str) -> Vec<Skip> {
    let skip = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Skip { test: fields.next()?, missing: fields.next()?, cure: fields.next().unwrap_or_default() })
    };
    text.lines().filter_map(skip).collect()
}

fn cannot_run(binary: &Binary, error: &io::Error) -> Broken {
    let cure = "the file system must allow programs to be executed (not mounted with noexec)";
    Broken::new(format!("run {}: {error}", binary.path.display()), Some(cure), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_selected_by_their_whole_name_or_its_end() {
        let all = ["a::tests::one", "a::tests::one_more", "two"].map(String::from);
        let select = |names: &[&str]| select(&all, &names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(select(&["two", "one"]), Ok(vec!["two".into(), "a::tests::one".into()]));
        assert_eq!(select(&["a::tests::one_more"]), Ok(vec!["a::tests::one_more".into()]));
        assert_eq!(select(&["ne"]), Err("ne".into()));
        assert_eq!(select(&[]).map(|tests| tests.len()), Ok(3));
    }
}
