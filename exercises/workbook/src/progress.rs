//! What a learner has done, in `progress.txt`: one line per exercise, plain words, safe to edit by hand.
//!
//! ```text
//! ch01-process/wait  passed 2026-11-24  hints 2
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

const HEAD: &str = "# What you have done. One line per exercise; edit it as you like, or delete it to start again.\n";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Open,
    /// Was passed, and is not any more.
    Lost,
    /// Could not be judged on this machine.
    Skipped,
    Passed,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) state: State,
    /// The day of that state, in UTC: `2026-11-24`.
    pub(crate) date: String,
    /// The highest hint that was given, 0 to 3.
    pub(crate) hints: u8,
}

#[derive(Debug)]
pub(crate) struct Progress {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
    /// Lines that are neither comments nor entries: kept, because someone wrote them.
    unknown: Vec<String>,
}

impl Progress {
    /// Reads the file; one that is not there is empty.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let path = root.join("progress.txt");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.with_context(|| format!("read {}", path.display()))?,
        };
        let (mut entries, mut unknown) = (BTreeMap::<String, Entry>::new(), Vec::new());
        for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
            match parse(line) {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some((id, entry)) => {
                    let old = entries.entry(id).or_default();
                    let hints = old.hints.max(entry.hints);
                    if entry.state == State::Passed || old.state != State::Passed {
                        *old = entry;
                    }
                    old.hints = hints;
                }
                None => unknown.push(line.to_owned()),
            }
        }
        Ok(Self { path, entries, unknown })
    }

    /// Lines that could not be understood.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    pub(crate) fn get(&self, id: &str) -> Entry {
        self.entries.get(id).cloned().unwrap_or_default()
    }

    pub(crate) fn state(&self, id: &str) -> State {
        self.entries.get(id).map_or(State::Open, |entry| entry.state)
    }

    /// Notes a state, of today, and saves.
    pub(crate) fn set_state(&mut self, id: &str, state: State) -> Result<()> {
        let entry = self.entries.entry(id.to_owned()).or_default();
        if entry.state == state {
            return Ok(());
        }
        (entry.state, entry.date) = (state, today());
        self.save()
    }

    /// Notes that this hint was given, and saves.
    pub(crate) fn set_hints(&mut self, id: &str, level: u8) -> Result<()> {
        let entry = self.entries.entry(id.to_owned()).or_default();
        entry.hints = entry.hints.max(level);
        self.save()
    }

    /// Writes to another name first, so that the file is whole at any time.
    pub(crate) fn save(&self) -> Result<()> {
        let new = self.path.with_extension("txt.new");
        fs::write(&new, self.text()).with_context(|| format!("write {}", new.display()))?;
        fs::rename(&new, &self.path).with_context(|| format!("write {}", self.path.display()))
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (id, entry) in &self.entries {
            let state = match entry.state {
                State::Open if entry.hints == 0 => continue,
                State::Open => "open".to_owned(),
                State::Lost => format!("lost {}", entry.date),
                State::Skipped => format!("skipped {}", entry.date),
                State::Passed => format!("passed {}", entry.date),
            };
            text = text + id + "  " + state.trim_end();
            if entry.hints > 0 {
                let _ = write!(text, "  hints {}", entry.hints);
            }
            text.push('\n');
        }
        for line in &self.unknown {
            text = text + line + "\n";
        }
        text
    }
}

fn parse(line: &str) -> Option<(String, Entry)> {
    let mut words = line.split_whitespace();
    let id = words.next().filter(|id| id.contains('/'))?.to_owned();
    let state = match words.next()? {
        "open" => State::Open,
        "lost" => State::Lost,
        "skipped" => State::Skipped,
        "passed" => State::Passed,
        _ => return None,
    };
    let mut entry = Entry { state, ..Entry::default() };
    while let Some(word) = words.next() {
        match word {
            "hints" => entry.hints = words.next()?.parse::<u8>().ok().filter(|level| *level <= 3)?,
            date if date.starts_with(|c: char| c.is_ascii_digit()) => date.clone_into(&mut entry.date),
            _ => return None,
        }
    }
    Some((id, entry))
}

/// Today in UTC.
pub(crate) fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    date(days)
}

/// The date of a day counted from 1970-01-01, by <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: impl AsRef<[u8]>) -> Progress {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("progress.txt"), text).unwrap();
        Progress::load(directory.path()).unwrap()
    }

    #[test]
    fn days_have_dates() {
        assert_eq!(
            [0, 59, 789, 11_016, 20_781].map(date),
            ["1970-01-01", "1970-03-01", "1972-02-29", "2000-02-29", "2026-11-24"]
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let mut progress = Progress::load(directory.path()).unwrap();
        assert_eq!(progress.state("a/b"), State::Open);
        progress.set_state("a/b", State::Passed).unwrap();
        assert_eq!(Progress::load(directory.path()).unwrap().state("a/b"), State::Passed);
    }

    #[test]
    fn it_is_sorted_and_survives_damage() {
        let progress = load(
            b"b/two passed\na/one   passed 2026-11-24 hints 9\nb/one  open hints 1\na/two passed 2026-11-24\n\xff\xfe\n\
              a/two open hints 2\nb/three  done\n# mine\n" as &[u8],
        );
        insta::assert_snapshot!(progress.text(), @r"
        # What you have done. One line per exercise; edit it as you like, or delete it to start again.
        a/two  passed 2026-11-24  hints 2
        b/one  open  hints 1
        b/two  passed
        a/one   passed 2026-11-24 hints 9
        ��
        b/three  done
        ");
        assert_eq!(progress.unknown().len(), 3);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = load("a/b passed 2026-11-24 hints 3\nc/d skipped 2026-01-02\ngarbage\n").text();
        assert_eq!(load(&text).text(), text);
    }
}
