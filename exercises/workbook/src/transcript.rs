//! Reading what a test binary printed: which tests failed, what they said, and the verdict in it.

use crate::hole;
use crate::outcome::{Failing, Verdict};
use crate::panics;

/// What the test kit says where what it saw proves no cause.
const UNKNOWN: &str = "unknown";

/// What libtest printed.
#[derive(Debug)]
pub(crate) struct Transcript<'a> {
    text: &'a str,
    /// Failed tests with their output.
    failed: Vec<(&'a str, &'a str)>,
    finished: bool,
}

impl<'a> Transcript<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        let mut failed = Vec::new();
        let mut rest = text;
        while let Some((name, after)) = next_section(rest) {
            let end = next_section_start(after).into_iter().chain(after.find("\n\nfailures:\n")).min();
            let (body, next) = after.split_at(end.unwrap_or(after.len()));
            failed.push((name, body.trim()));
            rest = next;
        }
        Self { text, failed, finished: text.contains("\ntest result: ") }
    }

    /// Whether the binary came to its end: it was not killed, and did not exit in the middle.
    pub(crate) fn finished(&self) -> bool {
        self.finished
    }

    /// Whether the `todo!` of this exercise was reached, by a test or by a process that a test started.
    pub(crate) fn reached_todo(&self, id: &str) -> bool {
        self.text.contains(&format!("not yet implemented: {}", hole::still_open(id)))
    }

    /// The failure that tells most: of the tests in `order` the first with a verdict, else the first that failed. `end` is
    /// how the program ended, where that is all there is.
    pub(crate) fn failure(&self, order: &[String], end: impl FnOnce() -> Verdict) -> Failing {
        let place = |name: &str| order.iter().position(|test| test == name).unwrap_or(order.len());
        let mut failed: Vec<_> = self.failed.iter().map(|(name, said)| (*name, *said, verdict(said))).collect();
        let knows = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|verdict| verdict.cause.is_some());
        failed.sort_by_key(|(name, _, verdict)| (!knows(verdict), verdict.is_none(), place(name)));
        let others = failed.len().saturating_sub(1);
        match failed.into_iter().next() {
            Some((name, said, verdict)) => {
                let verdict = verdict.or_else(|| leak(said)).or_else(|| panics::explain(said));
                Failing { test: name.to_owned(), verdict, said: without_noise(said), others }
            }
            None => Failing {
                test: "the test program".into(),
                verdict: Some(panics::explain(self.text).filter(|verdict| verdict.cause.is_some()).unwrap_or_else(end)),
                said: without_noise(self.text),
                others: 0,
            },
        }
    }

    /// The tests of `order` that had not ended when the program was.
    pub(crate) fn unfinished<'b>(&self, order: &'b [String]) -> Vec<&'b str> {
        let ended = |test: &&String| {
            self.text.lines().any(|line| {
                line.strip_prefix("test ")
                    .and_then(|rest| rest.split_once(" ... "))
                    .is_some_and(|(name, result)| name == test.as_str() && matches!(result.trim(), "ok" | "FAILED"))
            })
        };
        order.iter().filter(|test| !ended(test)).map(String::as_str).collect()
    }
}

/// The head of a failed test's output: `---- name stdout ----`.
fn next_section(text: &str) -> Option<(&str, &str)> {
    let start = next_section_start(text)?;
    let (head, body) = text[start..].trim_start_matches('\n').split_once('\n').unwrap_or((&text[start..], ""));
    let name = head.strip_prefix("---- ")?.strip_suffix(" stdout ----")?;
    Some((name, body))
}

fn next_section_start(text: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let head = line.trim_end();
        if head.strip_prefix("---- ").is_some_and(|rest| rest.ends_with(" stdout ----")) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

/// The first verdict in a test's output.
fn verdict(said: &str) -> Option<Verdict> {
    let lines: Vec<&str> = said.lines().collect();
    let field = |line: Option<&&str>, name: &str| line?.strip_prefix(name).map(|text| text.trim().to_owned());
    lines.iter().enumerate().find_map(|(index, line)| {
        let expected = field(Some(line), "  expected:")?;
        let seen = field(lines.get(index + 1), "  seen:")?;
        let cause = Some(field(lines.get(index + 2), "  likely cause:")?).filter(|cause| cause != UNKNOWN);
        let read = field(lines.get(index + 3), "  read:")?;
        let what = index.checked_sub(1).map(|above| lines[above].trim().to_owned()).unwrap_or_default();
        Some(Verdict { what, expected, seen, cause, read })
    })
}

/// The leak check of the test kit says what is left, one thing a line.
fn leak(said: &str) -> Option<Verdict> {
    let (_, after) = said.split_once("the test left behind:\n")?;
    let left: Vec<&str> = after.lines().take_while(|line| !line.is_empty() && !line.starts_with("thread '")).collect();
    Some(Verdict {
        what: "what is left afterwards".into(),
        expected: "nothing".into(),
        seen: left.join(", "),
        cause: Some("something was made and not cleaned up, or taken away and not put back".into()),
        read: String::new(),
    })
}

/// Without the lines that say nothing to a learner.
fn without_noise(said: &str) -> String {
    let noise = |line: &&str| {
        line.starts_with("note: run with `RUST_BACKTRACE")
            || line.contains("failed in its throw-away host")
            || line.contains("chapters/testkit/")
    };
    let lines: Vec<&str> = said.lines().filter(|line| !noise(line)).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"
running 3 tests
test b ... FAILED
test a ... FAILED
test c ... ok

failures:

---- b stdout ----

thread 'b' (12) panicked at chapters/x.rs:3:5:
assertion failed
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- a stdout ----

thread 'main' (1) panicked at tests/uts.rs:40:14:
the host's own host name
  expected: "workbench"
  seen:     "inside"
  likely cause: sethostname ran before unshare
  read: ch02-namespaces, "The UTS namespace"


failures:
    a
    b

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
"#;

    #[test]
    fn the_test_with_a_verdict_speaks_first() {
        let transcript = Transcript::read(SAID);
        assert!(transcript.finished());
        insta::assert_debug_snapshot!(transcript.failure(&["b".into(), "a".into()], Verdict::default));
    }

    #[test]
    fn without_a_verdict_the_order_of_the_exercise_counts() {
        let said = SAID.replace("likely cause", "perhaps");
        let first = |order: [&str; 2]| Transcript::read(&said).failure(&order.map(String::from), Verdict::default).test;
        assert_eq!([first(["a", "b"]), first(["b", "a"])], ["a", "b"]);
        insta::assert_snapshot!(Transcript::read(&said).failure(&["b".into()], Verdict::default).said, @r"
        thread 'b' (12) panicked at chapters/x.rs:3:5:
        assertion failed
        ");
    }

    #[test]
    fn a_todo_is_known_wherever_it_surfaces() {
        let open = "not yet implemented: exercise ch01-a/b is still open: Print \"{}\".";
        let told = [format!("thread 'main' panicked at src/a.rs:1:1:\n{open}\n"), format!("seen: Failed({open:?})")];
        assert!(told.iter().all(|text| Transcript::read(text).reached_todo("ch01-a/b")));
        assert!(!Transcript::read("not yet implemented: Another.").reached_todo("ch01-a/b"));
        assert!(!Transcript::read(open).reached_todo("ch01-a/c"));
    }

    #[test]
    fn a_binary_that_is_killed_has_no_verdict() {
        let transcript = Transcript::read("\nrunning 1 test\n");
        assert!(!transcript.finished());
        let failure = transcript.failure(&[], || panics::ended_program(None, Some(9)));
        let cause = failure.verdict.and_then(|verdict| verdict.cause).unwrap();
        assert_eq!(cause, "the test's own process was ended by signal 9, in the middle");
    }

    #[test]
    fn tests_that_have_not_ended_are_known() {
        let order = ["a", "b", "c"].map(String::from);
        let text = "running 3 tests\ntest a ... ok\ntest c ... FAILED\ntest b has been running for over 60 seconds\n";
        assert_eq!(Transcript::read(text).unfinished(&order), ["b"]);
    }

    #[test]
    fn a_cause_that_is_known_is_better_than_one_that_is_not() {
        let said = SAID.replace("likely cause: sethostname ran before unshare", "likely cause: unknown");
        let failure = Transcript::read(&said).failure(&["a".into()], Verdict::default);
        assert_eq!((failure.test.as_str(), failure.verdict.unwrap().cause), ("a", None));
    }

    #[test]
    fn a_leak_is_a_verdict_too() {
        let said = "---- t stdout ----\nthe test left behind:\nmount /a\nprocess 7\n\nthread 't' panicked at x:\n";
        let verdict = Transcript::read(said).failure(&[], Verdict::default).verdict.unwrap();
        assert_eq!(verdict.seen, "mount /a, process 7");
    }
}
