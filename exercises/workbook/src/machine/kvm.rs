//! Whether KVM works here, which only a guest can prove: `/dev/kvm` may be there, and whatever uses it fails or hangs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::progress;

/// Below the workspace. It vanishes with `target`, and then KVM is tried again.
const FILE: &str = "target/wb/kvm.json";

/// What came of the last guest that had KVM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Whether it came up.
    pub works: bool,
    /// What was seen.
    pub seen: String,
    /// The day.
    when: String,
    /// Another start of the machine may have another kernel, or settings that were mended.
    boot: String,
}

impl Trial {
    /// What was seen just now.
    pub fn now(works: bool, seen: String) -> Self {
        Self { works, seen, when: progress::today(), boot: boot() }
    }

    /// The last one since the machine was started, if there was any.
    pub fn last(root: &Path) -> Option<Self> {
        let text = fs::read_to_string(root.join(FILE)).ok()?;
        serde_json::from_str(&text).ok().filter(|trial: &Self| trial.boot == boot())
    }

    /// Remembers it.
    pub fn keep(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        fs::create_dir_all(path.with_file_name("")).with_context(|| format!("create the directory of {FILE}"))?;
        fs::write(&path, serde_json::to_string_pretty(self)?).with_context(|| format!("write {}", path.display()))
    }
}

/// For [`super::doctor`]: what is there, what was tried, and when.
pub(crate) fn describe(is_there: bool, trial: Option<&Trial>) -> String {
    match trial {
        _ if !is_there => "none: the guest is emulated in software".into(),
        None => "/dev/kvm is there; no guest has tried it since the machine was started".into(),
        Some(Trial { works: true, seen, when, .. }) => format!("works: {seen} ({when})"),
        Some(Trial { works: false, seen, when, .. }) => {
            format!("/dev/kvm is there and does not work: {seen} ({when}); the guest is emulated in software")
        }
    }
}

/// Which start of the machine this is (`random(4)`).
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_remembered_until_the_machine_starts_again() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(Trial::last(root.path()), None);
        let trial = Trial::now(false, "the guest was silent for 20 s".into());
        trial.keep(root.path()).expect("it is written");
        assert_eq!(Trial::last(root.path()), Some(trial.clone()));
        Trial { boot: "another".into(), ..trial }.keep(root.path()).expect("it is written");
        assert_eq!(Trial::last(root.path()), None);
    }

    #[test]
    fn a_device_that_is_there_is_no_proof() {
        let trial = |works, seen: &str| Trial { works, seen: seen.into(), when: "2026-01-02".into(), boot: boot() };
        let silent = trial(false, "the guest was silent for 20 s");
        let up = trial(true, "a guest came up with it");
        let lines = [
            describe(false, Some(&up)),
            describe(true, None),
            describe(true, Some(&silent)),
            describe(true, Some(&up)),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        none: the guest is emulated in software
        /dev/kvm is there; no guest has tried it since the machine was started
        /dev/kvm is there and does not work: the guest was silent for 20 s (2026-01-02); the guest is emulated in software
        works: a guest came up with it (2026-01-02)
        ");
    }
}
