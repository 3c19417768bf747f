//! One exercise: what `exercises/chNN-name/ID/` says, read and checked. Every fault names its file and field.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use crate::hints::Hints;
use crate::workspace::read;

/// What an exercise may ask of the machine.
const NEEDS: [&str; 4] = ["root", "cgroup", "overlay", "userns"];

/// `exercise.toml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    prompt: String,
    file: PathBuf,
    hole: String,
    needs: Vec<String>,
    minutes: u32,
    after: Vec<String>,
    read: String,
    tests: Vec<Tests>,
}

/// The tests that judge an exercise: some of one test target.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tests {
    pub(crate) package: String,
    /// `uts` is `tests/uts.rs`, `lib` are the unit tests.
    pub(crate) target: String,
    /// Names of tests; nothing means all.
    #[serde(default)]
    pub(crate) filter: Vec<String>,
}

/// An exercise.
#[derive(Debug, Clone)]
pub(crate) struct Exercise {
    /// `ch02-namespaces/enter-uts`.
    pub(crate) id: String,
    pub(crate) title: String,
    /// What to do; also what the `todo!` says.
    pub(crate) prompt: String,
    /// The file with the hole, relative to the workspace.
    pub(crate) file: PathBuf,
    /// The name of the hole's anchor.
    pub(crate) hole: String,
    pub(crate) needs: Vec<String>,
    /// How long it takes, about.
    pub(crate) minutes: u32,
    /// The ids of exercises to do before.
    pub(crate) after: Vec<String>,
    /// Page and section, as in `ch02-namespaces, "The UTS namespace"`.
    pub(crate) read: String,
    pub(crate) tests: Vec<Tests>,
    pub(crate) hints: Hints,
    /// The chapter of the book on whose page it is asked, if that is not its own.
    pub(crate) asked_in: Option<String>,
    /// Where all this stands.
    directory: PathBuf,
}

/// An answer that is known to be wrong.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) name: String,
    /// The statements for the hole.
    pub(crate) answer: String,
    /// What the judging tests must say about it; nothing if nobody wrote that down yet.
    pub(crate) cause: Option<String>,
    /// Where that is written down.
    pub(crate) cause_file: PathBuf,
}

impl Exercise {
    /// Reads the exercise in `directory`.
    pub(crate) fn load(directory: &Path) -> Result<Self> {
        let path = directory.join("exercise.toml");
        let written: Written = toml::from_str(&read(&path)?)
            .map_err(|error| anyhow!("{}: {}", path.display(), error.to_string().trim()))?;
        written.check().with_context(|| path.display().to_string())?;
        let hints = directory.join("hints.md");
        let hints = Hints::parse(&read(&hints)?).with_context(|| hints.display().to_string())?;
        let name = |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let (Some(name), Some(chapter)) = (name(Some(directory)), name(directory.parent())) else {
            bail!("{}: an exercise stands in exercises/chNN-name/ID/", path.display());
        };
        Ok(Self {
            id: format!("{chapter}/{name}"),
            title: written.title,
            prompt: written.prompt,
            file: written.file,
            hole: written.hole,
            needs: written.needs,
            minutes: written.minutes,
            after: written.after,
            read: written.read,
            tests: written.tests,
            hints,
            asked_in: None,
            directory: directory.to_owned(),
        })
    }

    /// `ch02-namespaces`.
    pub(crate) fn chapter(&self) -> &str {
        self.id.split_once('/').map_or(self.id.as_str(), |(chapter, _)| chapter)
    }

    /// The chapter that a reader is in when it is asked.
    pub(crate) fn page(&self) -> &str {
        self.asked_in.as_deref().unwrap_or_else(|| self.chapter())
    }

    /// `enter-uts`.
    pub(crate) fn name(&self) -> &str {
        self.id.split_once('/').map_or(self.id.as_str(), |(_, name)| name)
    }

    /// The answers that are known to be wrong. A learner's directory has none.
    pub(crate) fn mistakes(&self) -> Result<Vec<Mistake>> {
        let directory = self.directory.join("wrong");
        let entries = fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
        let mut mistakes = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("read {}", directory.display()))?.path();
            let Some(name) = path.file_stem().filter(|_| path.extension().is_some_and(|ext| ext == "rs")) else {
                continue;
            };
            let answer = read(&path)?;
            ensure!(
                answer.starts_with("// mistake: "),
                "{}: the first line is `// mistake: ` and what people think",
                path.display()
            );
            let cause_file = path.with_extension("txt");
            mistakes.push(Mistake {
                name: name.to_string_lossy().into_owned(),
                answer,
                cause: fs::read_to_string(&cause_file).ok().map(|text| text.trim().to_owned()),
                cause_file,
            });
        }
        mistakes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(mistakes)
    }
}

impl Written {
    fn check(&self) -> Result<()> {
        for (field, text) in [("title", &self.title), ("prompt", &self.prompt), ("read", &self.read)] {
            ensure!(!text.trim().is_empty(), "{field}: is empty");
            ensure!(!text.contains(char::is_control), "{field}: must be one line");
        }
        let plain = self.file.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(plain, "file: {} must be a path below the workspace, without `..`", self.file.display());
        ensure!(self.hole.starts_with("ex_"), "hole: {:?} must begin with ex_", self.hole);
        ensure!((1..=240).contains(&self.minutes), "minutes: {} is not between 1 and 240", self.minutes);
        ensure!(!self.tests.is_empty(), "tests: at least one [[tests]] must judge the exercise");
        for need in &self.needs {
            ensure!(NEEDS.contains(&need.as_str()), "needs: {need:?} is none of {}", NEEDS.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
title = "T"
prompt = "P"
file = "chapters/ch01-a/src/lib.rs"
hole = "ex_a"
needs = ["root"]
minutes = 10
after = []
read = "ch01-a, \"S\""
[[tests]]
package = "a"
target = "t"
filter = ["x"]
"#;

    fn fault(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("ch01-a/one");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("exercise.toml"), text).unwrap();
        fs::write(home.join("hints.md"), "").unwrap();
        let error = format!("{:#}", Exercise::load(&home).unwrap_err());
        error.replace(&directory.path().display().to_string(), "")
    }

    #[test]
    fn faults_name_file_and_field() {
        let faults = [
            GOOD.replace("title", "titel"),
            GOOD.replace("minutes = 10", "minutes = \"ten\""),
            GOOD.replace("minutes = 10", "minutes = 0"),
            GOOD.replace("\"P\"", "\" \""),
            GOOD.replace("\"P\"", "\"P\\nQ\""),
            GOOD.replace("chapters/", "../chapters/"),
            GOOD.replace("ex_a", "a"),
            GOOD.replace("\"root\"", "\"luck\""),
            GOOD.split("[[").next().unwrap().to_owned(),
            GOOD.replace("after = []", ""),
            GOOD.to_owned(),
        ]
        .map(|text| fault(&text));
        insta::assert_snapshot!(faults.join("\n\n"));
    }
}
