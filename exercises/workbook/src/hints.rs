//! The three hints of an exercise, each a bit nearer to the answer than the one before.

use anyhow::{Result, ensure};

/// The headings that `hints.md` has, in this order.
pub(crate) const HEADINGS: [&str; 3] = ["1. Where to look", "2. Which call", "3. The shape of the code"];

/// The parts of `hints.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hints([String; 3]);

impl Hints {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut sections: Vec<(&str, String)> = Vec::new();
        let mut fenced = false;
        for line in text.lines() {
            fenced ^= line.trim_start().starts_with("```");
            match (line.strip_prefix("## "), sections.last_mut()) {
                (Some(heading), _) if !fenced => sections.push((heading.trim(), String::new())),
                (_, Some((_, body))) => *body = format!("{body}{line}\n"),
                (_, None) => ensure!(line.trim().is_empty(), "{line:?} stands before the first heading"),
            }
        }
        let found: Vec<&str> = sections.iter().map(|(heading, _)| *heading).collect();
        ensure!(found == HEADINGS, "the headings are {found:?}, not {HEADINGS:?}");
        for (heading, body) in &sections {
            ensure!(!body.trim().is_empty(), "nothing stands below {heading:?}");
        }
        let mut bodies = sections.into_iter().map(|(_, body)| body.trim().to_owned());
        Ok(Self([(); 3].map(|()| bodies.next().unwrap_or_default())))
    }

    /// The hint of `level`, 1 to 3; a higher level is the last.
    pub(crate) fn level(&self, level: u8) -> &str {
        &self.0[usize::from(level.clamp(1, 3)) - 1]
    }

    /// The lines of `solution` that a hint gives away. Short lines say too little to count.
    pub(crate) fn leaks<'a>(&self, solution: &'a str) -> Vec<&'a str> {
        let squeeze = |text: &str| text.split_whitespace().collect::<String>();
        let hints = squeeze(&self.0.concat());
        let telling = |line: &&str| squeeze(line).len() >= 24;
        solution.lines().map(str::trim).filter(telling).filter(|line| hints.contains(&squeeze(line))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "## 1. Where to look\n\nThere.\n\n## 2. Which call\nThis.\n## 3. The shape of the code\n```text\n## x\n```\n";

    #[test]
    fn three_sections() {
        let hints = Hints::parse(GOOD).unwrap();
        assert_eq!(
            (1..=4).map(|level| hints.level(level)).collect::<Vec<_>>(),
            ["There.", "This.", "```text\n## x\n```", "```text\n## x\n```"]
        );
    }

    #[test]
    fn faults_are_named() {
        let faults = [GOOD.replace("2.", "4."), GOOD.replace("This.", ""), format!("Hello\n{GOOD}"), String::new()]
            .map(|text| Hints::parse(&text).unwrap_err().to_string());
        insta::assert_snapshot!(faults.join("\n"));
    }

    #[test]
    fn a_line_of_the_solution_is_a_leak() {
        let hints = Hints::parse(&GOOD.replace("This.", "write unshare(CloneFlags::CLONE_NEWUTS) here")).unwrap();
        assert_eq!(hints.leaks("    unshare( CloneFlags::CLONE_NEWUTS )\n    Ok(())\n").len(), 1);
        assert!(hints.leaks("unshare(CloneFlags::CLONE_NEWNS).map_err(f)?;\nThis.").is_empty());
    }
}
