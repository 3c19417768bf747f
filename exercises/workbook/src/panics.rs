//! Reading failures that no verdict explains: panics, assertions, snapshots, programs that ended in the middle. A cause is
//! named only where what was printed proves it.

use crate::outcome::Verdict;

/// A panic, as Rust prints it.
#[derive(Debug, PartialEq, Eq)]
struct Panic<'a> {
    /// `chapters/a/src/lib.rs:3:5`.
    place: &'a str,
    message: String,
}

/// What a failed test's output says, if it is one of the forms that we know.
pub(crate) fn explain(said: &str) -> Option<Verdict> {
    let panics = panics(said);
    let own = panics.iter().find(|panic| is_chapters(panic.place));
    if let Some(place) =
        said.contains("has overflowed its stack").then_some("the stack overflowed: a function calls itself without end")
    {
        return Some(Verdict { cause: Some(place.into()), ..Verdict::default() });
    }
    if let Some(panic) = own {
        return Some(of_the_code(panic));
    }
    snapshot(said).or_else(|| panics.iter().find_map(of_the_test))
}

/// Where the code that is judged panicked.
fn of_the_code(panic: &Panic) -> Verdict {
    let place = panic.place.rsplit_once(':').map_or(panic.place, |(place, _)| place);
    let message = panic.message.as_str();
    let cause = if let Some(todo) = message.strip_prefix("not yet implemented") {
        format!("a todo!() is still there, at {place}{todo}")
    } else if message.starts_with("not implemented") || message.starts_with("internal error: entered unreachable") {
        format!("the code says itself that it should not get to {place}: {message}")
    } else if message.starts_with("attempt to ") {
        format!("arithmetic went out of range at {place}: {message}")
    } else {
        format!("the code panicked at {place}: {message}")
    };
    Verdict { cause: Some(cause), ..Verdict::default() }
}

/// What a test saw when it gave up: no cause is known.
fn of_the_test(panic: &Panic) -> Option<Verdict> {
    let message = panic.message.as_str();
    if let Some(end) = after(message, "did not come to its end: its process ended before, by ") {
        return Some(ended("the test's own process", end));
    }
    if let Some(end) = message.strip_prefix("the process inside ended before it had done its part, by ") {
        return Some(ended("the process in which it ran", end));
    }
    if let Some(what) = message.strip_prefix("waited in vain until ") {
        return Some(Verdict {
            what: "what the test waits for".into(),
            expected: what.into(),
            seen: "it never came".into(),
            ..Verdict::default()
        });
    }
    if let Some(rest) = message.strip_prefix("assertion `left ") {
        let (head, values) = rest.split_once('\n')?;
        let what = head.split_once("failed: ").map_or("what the test compares", |(_, what)| what);
        let (left, right) = values.split_once("\n right: ")?;
        let seen = left.trim_start().strip_prefix("left: ").unwrap_or(left);
        return Some(Verdict {
            what: what.into(),
            expected: right.trim().into(),
            seen: seen.trim().into(),
            ..Verdict::default()
        });
    }
    (!message.contains("throw-away host") && !message.contains("as it says above")).then(|| Verdict {
        what: "where the test could not go on".into(),
        seen: message.into(),
        ..Verdict::default()
    })
}

/// Somebody called `exit`, or the kernel ended it: which, the status tells.
fn ended(whose: &str, end: &str) -> Verdict {
    let cause = match end.strip_prefix("signal ") {
        None => format!("the code ended {whose} with {end}, in the middle: it has to return"),
        Some(number) => format!("{whose} was ended by signal {number}, in the middle"),
    };
    Verdict { cause: Some(cause), ..Verdict::default() }
}

/// The same for a test program as a whole, which has no word of its own to say about it.
pub(crate) fn ended_program(code: Option<i32>, signal: Option<i32>) -> Verdict {
    let end =
        code.map_or_else(|| format!("signal {}", signal.unwrap_or_default()), |code| format!("exit status {code}"));
    ended("the test's own process", &end)
}

/// What insta prints: lines that are gone, and lines that are new.
fn snapshot(said: &str) -> Option<Verdict> {
    let name = said.lines().find_map(|line| {
        line.strip_prefix("Snapshot: ").or_else(|| after(line, "snapshot assertion for '")?.split('\'').next())
    })?;
    let lines = |sign: char| {
        let of_sign = said.lines().filter_map(|line| line.split_once('│')?.1.strip_prefix(sign));
        of_sign.collect::<Vec<_>>().join("\n             ")
    };
    Some(Verdict { what: name.replace('_', " "), expected: lines('-'), seen: lines('+'), ..Verdict::default() })
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// Whether a place is in what learners write, and not in a test, the test kit or a library.
fn is_chapters(place: &str) -> bool {
    let chapter = place.split('/').rev().nth(2).unwrap_or_default();
    place.contains("/src/")
        && !place.starts_with('/')
        && !place.contains("testkit/")
        && !place.contains("/tests")
        && !chapter.is_empty()
}

fn panics(said: &str) -> Vec<Panic<'_>> {
    let mut found = Vec::new();
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(place) = line.strip_prefix("thread '").and_then(|rest| after(rest, " panicked at ")) else { continue };
        let mut message: Vec<&str> = Vec::new();
        while let Some(line) = lines.next_if(|line| !ends_message(line)) {
            message.push(line);
        }
        found.push(Panic { place: place.trim_end_matches(':'), message: message.join("\n").trim().to_owned() });
    }
    found
}

fn ends_message(line: &str) -> bool {
    line.starts_with("note: ") || line.starts_with("stack backtrace:") || line.starts_with("thread '")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str) -> String {
        let Verdict { what, expected, seen, cause, .. } = explain(said).unwrap_or_default();
        format!("{what} | {expected} | {seen} | {}", cause.unwrap_or_default())
    }

    #[test]
    fn failures_without_a_verdict_are_read() {
        let own = "thread 'main' (1) panicked at chapters/ch01-process/src/child.rs:3:5:\n";
        let test = "thread 'main' (1) panicked at tests/uts.rs:3:5:\n";
        let run = "\nnote: run with `RUST_BACKTRACE=1`\n\nthread 'x' (2) panicked at chapters/testkit/src/run.rs:1:1:\nx::y failed in its throw-away host\n";
        let said = [
            format!("{own}not yet implemented{run}"),
            format!("{own}not yet implemented: later{run}"),
            format!("{own}attempt to add with overflow{run}"),
            format!("{own}called `Option::unwrap()` on a `None` value{run}"),
            format!("{own}two\nlines{run}"),
            format!("{test}assertion `left == right` failed: the maps\n  left: [1]\n right: [2]{run}"),
            format!("{test}assertion `left == right` failed\n  left: 1\n right: 2{run}"),
            format!("{test}waited in vain until the child has ended{run}"),
            format!("{test}a child: Clone {{ errno: EPERM }}{run}"),
            "thread 'x' (2) panicked at chapters/testkit/src/run.rs:1:1:\nx::y did not come to its end: its process ended before, by exit status 0\n".into(),
            "thread 'x' (2) panicked at chapters/testkit/src/inmate.rs:1:1:\nthe process inside ended before it had done its part, by signal 9\n".into(),
            "thread 'x' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n".into(),
            format!("Snapshot: two_lines\n    1     1 │ same\n    2       │-old\n          2 │+new\n          3 │+more\n{test}snapshot assertion for 'two_lines' failed in line 3{run}"),
        ];
        insta::assert_snapshot!(said.map(|said| told(&said)).join("\n"), @r"
         |  |  | a todo!() is still there, at chapters/ch01-process/src/child.rs:3
         |  |  | a todo!() is still there, at chapters/ch01-process/src/child.rs:3: later
         |  |  | arithmetic went out of range at chapters/ch01-process/src/child.rs:3: attempt to add with overflow
         |  |  | the code panicked at chapters/ch01-process/src/child.rs:3: called `Option::unwrap()` on a `None` value
         |  |  | the code panicked at chapters/ch01-process/src/child.rs:3: two
        lines
        the maps | [2] | [1] | 
        what the test compares | 2 | 1 | 
        what the test waits for | the child has ended | it never came | 
        where the test could not go on |  | a child: Clone { errno: EPERM } | 
         |  |  | the code ended the test's own process with exit status 0, in the middle: it has to return
         |  |  | the process in which it ran was ended by signal 9, in the middle
         |  |  | the stack overflowed: a function calls itself without end
        two lines | old | new
                     more | 
        ");
    }

    #[test]
    fn what_nobody_knows_is_not_explained() {
        assert_eq!(
            explain("thread 'x' (2) panicked at chapters/testkit/src/run.rs:1:1:\nx failed in its throw-away host\n"),
            None
        );
        assert_eq!(explain("no words that we know"), None);
    }
}
