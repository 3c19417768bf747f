//! The words and colours in which people read an outcome. Colours are taken out again where nobody sees them.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::exercise::Exercise;
use crate::outcome::{Broken, Failing, Hang, Outcome, Skip, Verdict};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// The most lines of a test's output that help more than they hide.
const LONGEST: usize = 40;

pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Title and state of an exercise, and what to do now. `place` is where its hole is, as in `src/uts.rs:62`.
pub(crate) fn outcome(exercise: &Exercise, place: &str, outcome: &Outcome) -> String {
    let head = format!("{}: {}\n\n", paint(BOLD, &exercise.id), exercise.title);
    head + &match outcome {
        Outcome::NotStarted => not_started(exercise, place),
        Outcome::DoesNotCompile { errors, note } => does_not_compile(errors, note.as_deref()),
        Outcome::Failing(failing) => self::failing(exercise, failing),
        Outcome::Passed { tests } => format!("{} ({})\n", paint(GOOD, "passed"), count(*tests, "test")),
        Outcome::Skipped { skips, ran } => skipped(skips, *ran),
        Outcome::Hangs(hang) => hangs(exercise, hang),
        Outcome::Blocked { by, because } => blocked(by, because.as_deref()),
        Outcome::Strayed { into } => strayed(exercise, into),
        Outcome::Cancelled => format!("{}\n", paint(WARN, "cancelled")),
        Outcome::Broken(broken) => self::broken(broken),
    }
}

fn not_started(exercise: &Exercise, place: &str) -> String {
    let Exercise { id, prompt, read, .. } = exercise;
    let state = paint(WARN, "not started");
    format!("{state}\n  {prompt}\n  where:  {place}\n  read:   {read}\n  stuck?  cargo wb hint {id}\n")
}

fn does_not_compile(errors: &str, note: Option<&str>) -> String {
    let note = note.map(|note| format!("  {note}\n")).unwrap_or_default();
    format!("{}\n{note}\n{}\n", paint(BAD, "does not compile"), errors.trim())
}

fn failing(exercise: &Exercise, failing: &Failing) -> String {
    let others = match failing.others {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let test = format!("{}{others}", failing.test);
    let id = &exercise.id;
    let unknown = "we do not know why; here is what we saw".to_owned();
    let Some(verdict) = &failing.verdict else {
        let said = shorten(&failing.said);
        return format!(
            "{} {unknown}\n\n{said}\n\n  test:      {test}\n  read:      {}\n  stuck?     cargo wb hint {id}\n",
            paint(BAD, "failing:"),
            exercise.read
        );
    };
    let read = if verdict.read.is_empty() { &exercise.read } else { &verdict.read };
    let mut text = format!("{} {}\n\n", paint(BAD, "failing:"), verdict.cause.as_ref().unwrap_or(&unknown));
    if !verdict.what.is_empty() {
        let _ = writeln!(text, "  {}", verdict.what);
    }
    let rows = [("expected:", &verdict.expected), ("seen:", &verdict.seen), ("test:", &test), ("read:", read)];
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:10} {}", shorten(value));
    }
    text + &format!("  stuck?     cargo wb hint {id}\n")
}

fn hangs(exercise: &Exercise, hang: &Hang) -> String {
    let what = match hang.busy {
        Some(seconds) => format!("it has used {seconds} s of a processor without an end, and was ended: a loop?"),
        None => "nothing in it has moved for 5 s, and it was ended".into(),
    };
    let mut text = format!("{} {what}\n\n", paint(BAD, "hangs:"));
    for line in &hang.waits {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(test) = &hang.test {
        let _ = writeln!(text, "  test:      {test}");
    }
    text + &format!("  read:      {}\n  stuck?     cargo wb hint {}\n", exercise.read, exercise.id)
}

/// Another exercise's hole, on which this one does not build.
fn strayed(exercise: &Exercise, into: &str) -> String {
    format!(
        "{} the tests reached the hole of {into}, which {} does not need\n  The answer must call it, or something was changed \
         outside of the hole.\n  read:      {}\n  stuck?     cargo wb hint {}\n",
        paint(BAD, "failing:"),
        exercise.id,
        exercise.read,
        exercise.id
    )
}

fn skipped(skips: &[Skip], ran: usize) -> String {
    let mut text = format!("{} not passed, because not every test could run here\n", paint(WARN, "skipped:"));
    for skip in skips {
        let _ = writeln!(text, "  {}\n    missing:  {}\n    cure:     {}", skip.test, skip.missing, skip.cure);
    }
    match ran {
        0 => text + "  No test ran.\n",
        ran => text + &format!("  {} ran, without a fault.\n", count(ran, "other test")),
    }
}

fn blocked(by: &str, because: Option<&Outcome>) -> String {
    let why = match because {
        None | Some(Outcome::NotStarted) => "do that first".to_owned(),
        Some(Outcome::Failing(Failing { verdict: Some(Verdict { cause: Some(cause), .. }), .. })) => {
            format!("it fails: {cause}")
        }
        Some(Outcome::Failing(_)) => "it fails".into(),
        Some(Outcome::Hangs(_)) => "it hangs".into(),
        Some(Outcome::DoesNotCompile { .. }) => "it does not compile".into(),
        Some(_) => "it is not passed".into(),
    };
    format!("{} {by}: {why}\n  cargo wb check {by}\n", paint(WARN, "blocked by"))
}

fn broken(broken: &Broken) -> String {
    let Broken { what, cure, detail } = broken;
    let mut text = format!("{} {what}\n  Your code was not judged.\n", paint(BAD, "environment broken:"));
    if let Some(cure) = cure {
        let _ = writeln!(text, "  cure:  {cure}");
    }
    if !detail.trim().is_empty() {
        let _ = writeln!(text, "\n{}", shorten(detail.trim()));
    }
    text
}

/// `1 test`, `2 tests`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `45 min`, `5 h 10 min`.
pub(crate) fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A unified diff in colours.
pub(crate) fn diff(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let unified = diff.unified_diff().to_string();
    unified.lines().filter(|line| !line.starts_with("@@")).fold(String::new(), |text, line| {
        text + &match line.chars().next() {
            Some('+') => paint(AnsiColor::Green.on_default(), line),
            Some('-') => paint(AnsiColor::Red.on_default(), line),
            _ => line.to_owned(),
        } + "\n"
    })
}

fn shorten(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= LONGEST {
        return text.to_owned();
    }
    let left_out = lines.len() - LONGEST;
    format!(
        "{}\n… {} left out\n{}",
        lines[..LONGEST / 2].join("\n"),
        count(left_out, "line"),
        lines[lines.len() - LONGEST / 2..].join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        assert_eq!([5, 60, 310].map(duration), ["5 min", "1 h", "5 h 10 min"]);
        assert_eq!([0, 1, 2].map(|number| count(number, "test")), ["0 tests", "1 test", "2 tests"]);
    }

    #[test]
    fn long_output_keeps_both_ends() {
        let text: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let short = shorten(&text.join("\n"));
        assert_eq!(short.lines().count(), LONGEST + 1);
        assert!(short.starts_with("0\n") && short.ends_with("\n99") && short.contains("… 60 lines left out"));
    }

    #[test]
    fn a_diff_has_signs() {
        let plain = anstream::adapter::strip_str(&diff("a\nb\n", "a\nc\n")).to_string();
        assert_eq!(plain, " a\n-b\n+c\n");
    }
}
